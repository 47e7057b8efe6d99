import assert from 'node:assert/strict'
import test from 'node:test'
import { openBackend, probeBackend } from '../../src/nn/backend.ts'
import { logits, logProbsAt, toParameters } from '../../src/nn/network.ts'
import { referenceLogits } from '../../src/nn/reference.ts'
import { tinyCheckpoint } from './tiny.ts'

const ids = [3, 1, 4, 1, 5, 9, 2, 6]

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  test(`${architecture}: logits are those of the float64 reference, and padding on the right changes nothing`, async () => {
    const backend = await openBackend('wasm')
    const checkpoint = tinyCheckpoint(architecture)
    const parameters = toParameters(backend, checkpoint)
    const padded = [...ids, 0, 0, 0]
    const out = logits(
      backend,
      checkpoint.config,
      parameters,
      backend.tf.tensor2d([padded, padded], undefined, 'int32'),
    )
    const [first, second] = (await out.array()) as [number[][], number[][]]
    assert.deepEqual(first, second)
    referenceLogits(checkpoint, ids).forEach((row, t) =>
      row.forEach((want, v) => assert.ok(Math.abs(want - (first[t]?.[v] as number)) < 1e-4)),
    )
  })

  test(`${architecture}: every gradient agrees with finite differences`, async () => {
    const backend = await openBackend('wasm')
    const { tf } = backend
    const { config, weights } = tinyCheckpoint(architecture)
    const parameters = toParameters(backend, { config, weights })
    const { grads } = tf.variableGrads(() =>
      logProbsAt(
        backend,
        config,
        parameters,
        tf.tensor2d([ids], undefined, 'int32'),
        tf.tensor1d([2, 6, 2], 'int32'),
        tf.tensor1d([7, 1, 8], 'int32'),
      )
        .sum()
        .asScalar(),
    )
    const objective = (name: string, direction: readonly number[], step: number): number => {
      const weight = weights.get(name)
      assert.ok(weight !== undefined)
      const data = Float64Array.from(weight.data, (value, i) => value + step * (direction[i] as number))
      const moved = new Map(weights).set(name, { shape: weight.shape, data: data as unknown as Float32Array })
      const rows = referenceLogits({ config, weights: moved }, ids)
      const logProb = (t: number, v: number): number => {
        const row = rows[t] as Float64Array
        return (row[v] as number) - Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
      }
      return logProb(2, 7) + logProb(6, 1) + logProb(2, 8)
    }
    for (const [name, variable] of Object.entries(parameters)) {
      const gradient = Array.from(await (grads[variable.name] as typeof variable).data())
      const length = Math.hypot(...gradient)
      const direction = gradient.map((g) => g / length)
      const step = 1e-5
      const slope = (objective(name, direction, step) - objective(name, direction, -step)) / (2 * step)
      assert.ok(Math.abs(slope - length) < 2e-3 * length, `${name}: ${length}, finite differences ${slope}`)
    }
  })
}

test('a backend that is not installed is refused by name with what to install', async () => {
  const probe = await probeBackend('webgpu')
  assert.equal(probe.ok, false)
  assert.match(probe.detail, /^(the package webgpu is not installed|no GPU answers|its only adapter)/)
  assert.match(probe.install, /npm install webgpu/)
})
