import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'node:test'
import { openBackend } from '../../src/nn/backend.ts'
import { type LoadedCheckpoint, loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import { logits, toParameters } from '../../src/nn/network.ts'
import { referenceLogits } from '../../src/nn/reference.ts'
import { createSampler } from '../../src/nn/sampler.ts'
import { createWasmSampler, fitsKernels } from '../../src/nn/wasm/sampler.ts'

// Folders and logits as transformers 5.24.0 wrote them: transformers_reference.py makes them again.
const fixtures = fileURLToPath(new URL('../fixtures/transformers/', import.meta.url))
const script = fileURLToPath(new URL('./transformers_reference.py', import.meta.url))
const python = process.env.FULCRUM_TEST_PYTHON ?? 'python3'
const installed = spawnSync(python, ['-c', 'import torch, transformers']).status === 0
const skip = installed ? false : `SKIPPED: ${python} has no torch and transformers (set FULCRUM_TEST_PYTHON)`

interface Expected {
  readonly ids: number[]
  /** [T][V], float32. */
  readonly logits: number[][]
}

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  const folder = join(fixtures, architecture)
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected

  test(`${architecture}: a folder written by transformers loads and gives its logits to 1e-4`, async () => {
    const checkpoint = await loadCheckpoint(folder)
    assert.equal(checkpoint.config.architecture, architecture)
    close(
      referenceLogits(checkpoint, expected.ids).map((row) => [...row]),
      expected.logits,
    )
    close(await tensorLogits(checkpoint, expected.ids), expected.logits)
  })

  test(`${architecture}: the samplers score tokens as transformers does`, async () => {
    const checkpoint = await loadCheckpoint(folder)
    // The head size of the llama folder is 6: no vector of the kernels holds that.
    if (architecture === 'llama') await assert.rejects(createWasmSampler(checkpoint), /head size 6/)
    const sampler = fitsKernels(checkpoint.config)
      ? await createWasmSampler(checkpoint)
      : createSampler(await openBackend('wasm'), checkpoint)
    const scores = await sampler.score(expected.ids, 1, { temperature: 1, topP: 1, topK: 0 })
    scores.forEach(({ logprob: score }, i) => {
      const row = expected.logits[i] as number[]
      const want = (row[expected.ids[i + 1] as number] as number) - logSumExp(row)
      assert.ok(Math.abs(score - want) < 1e-4, `token ${i + 1}: ${score} is not ${want}`)
    })
    sampler.dispose()
  })

  test(
    `${architecture}: transformers loads the folder we write, with the same logits`,
    { skip },
    async () => {
      const written = mkdtempSync(join(tmpdir(), 'fulcrum-parity-'))
      await saveCheckpoint(written, await loadCheckpoint(folder), { tokenizerFrom: folder })
      const run = spawnSync(python, [script, 'logits', written], { encoding: 'utf8' })
      assert.equal(run.status, 0, run.stderr)
      close(JSON.parse(run.stdout) as number[][], expected.logits)
    },
  )
}

async function tensorLogits(checkpoint: LoadedCheckpoint, ids: readonly number[]): Promise<number[][]> {
  const backend = await openBackend('wasm')
  const parameters = toParameters(backend, checkpoint)
  const input = backend.tf.tensor2d([[...ids]], undefined, 'int32')
  const out = logits(backend, checkpoint.config, parameters, input)
  const [rows] = (await out.array()) as [number[][]]
  backend.tf.dispose([out, input])
  backend.tf.dispose(parameters)
  return rows
}

const logSumExp = (row: readonly number[]): number =>
  Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0))

function close(got: readonly (readonly number[])[], want: readonly (readonly number[])[]): void {
  assert.deepEqual([got.length, got[0]?.length], [want.length, want[0]?.length])
  const worst = Math.max(
    ...want.flatMap((row, t) => row.map((logit, v) => Math.abs(logit - (got[t]?.[v] ?? NaN)))),
  )
  assert.ok(worst < 1e-4, `logits differ by ${worst}`)
}
