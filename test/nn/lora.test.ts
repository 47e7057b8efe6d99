import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'node:test'
import { openBackend } from '../../src/nn/backend.ts'
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import {
  type Adapter,
  adaptable,
  initialAdapter,
  loadAdapter,
  mergeAdapter,
  saveAdapter,
} from '../../src/nn/lora.ts'
import { logits, logProbsAt, toParameters, trainableOf } from '../../src/nn/network.ts'
import { referenceLogits } from '../../src/nn/reference.ts'
import type { Weight } from '../../src/nn/safetensors.ts'
import { tinyCheckpoint } from './tiny.ts'

const ids = [3, 1, 4, 1, 5, 9, 2, 6]
const fresh = (): string => mkdtempSync(join(tmpdir(), 'fulcrum-lora-'))

/** An adapter that changes something: B is not zero. */
function grown({ config }: Checkpoint, rank = 3): Adapter {
  const { options, weights } = initialAdapter(config, { rank, alpha: 6, targetModules: adaptable(config) }, 1)
  const moved = [...weights].map(([name, { shape, data }], k): [string, Weight] => [
    name,
    { shape, data: name.includes('lora_B') ? data.map((_, i) => Math.sin(i + k) / 5) : data },
  ])
  return { options, weights: new Map(moved) }
}

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  test(`${architecture}: an adapter computes what its merged weights compute, and nothing while it is fresh`, async () => {
    const backend = await openBackend('wasm')
    const checkpoint = tinyCheckpoint(architecture)
    const run = (adapter: Adapter): number[][] => {
      const input = backend.tf.tensor2d([ids], undefined, 'int32')
      const out = logits(backend, checkpoint.config, toParameters(backend, checkpoint, adapter), input)
      return out.arraySync()[0] as number[][]
    }
    const compare = (got: number[][], want: Checkpoint): void =>
      referenceLogits(want, ids).forEach((row, t) =>
        row.forEach((logit, v) => assert.ok(Math.abs(logit - (got[t]?.[v] as number)) < 1e-4)),
      )
    const adapter = grown(checkpoint)
    compare(run(adapter), mergeAdapter(checkpoint, adapter))
    compare(run(initialAdapter(checkpoint.config, adapter.options, 4)), checkpoint)
    const [moved, still] = [
      referenceLogits(mergeAdapter(checkpoint, adapter), ids),
      referenceLogits(checkpoint, ids),
    ]
    assert.ok(Math.abs((moved[7]?.[0] as number) - (still[7]?.[0] as number)) > 0.01)
  })

  test(`${architecture}: an adapter's gradients agree with finite differences; recomputed ones are the same bits`, async () => {
    const backend = await openBackend('wasm')
    const { tf } = backend
    const checkpoint = tinyCheckpoint(architecture)
    const adapter = grown(checkpoint)
    const parameters = toParameters(backend, checkpoint, adapter)
    const trainable = trainableOf(parameters)
    assert.deepEqual(Object.keys(trainable), [...adapter.weights.keys()])
    const gradients = (recompute: boolean) => {
      const { grads } = tf.variableGrads(
        () =>
          logProbsAt(
            backend,
            checkpoint.config,
            parameters,
            tf.tensor2d([ids], undefined, 'int32'),
            tf.tensor1d([2, 6], 'int32'),
            tf.tensor1d([7, 1], 'int32'),
            { recompute },
          )
            .sum()
            .asScalar(),
        Object.values(trainable),
      )
      return Object.entries(trainable).map(([name, { name: key }]) => [name, grads[key]?.dataSync()] as const)
    }
    const found = gradients(false)
    assert.deepEqual(gradients(true), found)
    const objective = (name: string, direction: Float32Array, step: number): number => {
      const weight = adapter.weights.get(name) as Weight
      const data = Float64Array.from(weight.data, (value, i) => value + step * (direction[i] as number))
      const moved = new Map(adapter.weights).set(name, { ...weight, data: data as unknown as Float32Array })
      const rows = referenceLogits(mergeAdapter(checkpoint, { ...adapter, weights: moved }), ids)
      const logProb = (t: number, v: number): number => {
        const row = rows[t] as Float64Array
        return (row[v] as number) - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
      }
      return logProb(2, 7) + logProb(6, 1)
    }
    for (const [name, gradient] of found) {
      assert.ok(gradient !== undefined)
      const length = Math.hypot(...gradient)
      const direction = Float32Array.from(gradient, (g) => g / length)
      // Merged weights are float32: the step must stand out of their rounding.
      const step = 1e-2
      const slope = (objective(name, direction, step) - objective(name, direction, -step)) / (2 * step)
      assert.ok(Math.abs(slope - length) < 2e-2 * length + 1e-3, `${name}: ${length}, differences ${slope}`)
    }
  })
}

test('full training recomputes the same bits too', async () => {
  const backend = await openBackend('wasm')
  const { tf } = backend
  const checkpoint = tinyCheckpoint('qwen2')
  const parameters = toParameters(backend, checkpoint)
  const tensors = tf.memory().numTensors
  const [kept, recomputed] = [false, true].map((recompute) => {
    const { value, grads } = tf.variableGrads(() => {
      const input = tf.tensor2d([ids, ids], undefined, 'int32')
      const targets = tf.tensor1d([...ids, ...ids], 'int32')
      return logProbsAt(backend, checkpoint.config, parameters, input, 'all', targets, { recompute })
        .mean()
        .asScalar()
    }, Object.values(parameters))
    const values = Object.values(parameters).map(({ name }) => grads[name]?.dataSync())
    tf.dispose([value, ...Object.values(grads)])
    return values
  })
  assert.deepEqual(recomputed, kept)
  assert.equal(tf.memory().numTensors, tensors, 'no tensor is left behind')
})

test('an adapter folder comes back whole, and one that does not fit is refused with all that is wrong', async () => {
  const checkpoint = tinyCheckpoint('qwen2')
  const folder = fresh()
  const adapter = grown(checkpoint)
  await saveAdapter(folder, adapter, { baseModel: 'base' })
  const { options, weights } = await loadAdapter(folder, checkpoint.config)
  assert.deepEqual(options, { ...adapter.options, targetModules: [...adapter.options.targetModules].sort() })
  assert.deepEqual(weights, adapter.weights)

  const larger = tinyCheckpoint('qwen2', { intermediateSize: 48, layers: 3 }).config
  await assert.rejects(
    loadAdapter(folder, larger),
    /gate_proj\.lora_B\.weight is \[40, 3\], the model wants \[48, 3\].*layers\.2.*missing/,
  )
  await assert.rejects(loadAdapter(folder, tinyCheckpoint('phi3').config), /no module .*q_proj/)
  const config = join(folder, 'adapter_config.json')
  const json = JSON.parse(readFileSync(config, 'utf8')) as object
  writeFileSync(config, JSON.stringify({ ...json, use_dora: true }))
  await assert.rejects(loadAdapter(folder, checkpoint.config), /use_dora/)
})

const python = process.env.FULCRUM_TEST_PYTHON ?? 'python3'
const installed = spawnSync(python, ['-c', 'import torch, transformers, peft']).status === 0
const skip = installed
  ? false
  : `SKIPPED: ${python} has no torch, transformers and peft (set FULCRUM_TEST_PYTHON)`
const script = fileURLToPath(new URL('../parity/peft_logits.py', import.meta.url))

test('peft loads an adapter we wrote with our logits, and we load the one it writes', { skip }, async () => {
  for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
    // transformers wants head sizes that divide the hidden size here.
    const checkpoint = tinyCheckpoint(architecture, { hiddenSize: 32, headDim: 8, rotaryShare: 1 })
    const [model, ours, theirs] = [fresh(), fresh(), fresh()]
    await saveCheckpoint(model, checkpoint, { tokenizerFrom: model })
    const adapter = grown(checkpoint)
    await saveAdapter(ours, adapter, { baseModel: model })
    const run = spawnSync(python, [script, model, ours, theirs, ids.join()], { encoding: 'utf8' })
    assert.equal(run.status, 0, run.stderr)
    const rows = JSON.parse(run.stdout) as number[][]
    const want = referenceLogits(mergeAdapter(await loadCheckpoint(model), adapter), ids)
    const worst = Math.max(
      ...want.flatMap((row, t) => [...row].map((x, v) => Math.abs(x - (rows[t]?.[v] as number)))),
    )
    assert.ok(worst < 1e-4, `${architecture}: logits differ by ${worst}`)
    assert.deepEqual((await loadAdapter(theirs, checkpoint.config)).weights, adapter.weights)
  }
})
