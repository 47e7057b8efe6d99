import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBackend } from '../../src/nn/backend.ts'
import { loadCheckpoint } from '../../src/nn/checkpoint.ts'
import { loadAdapter, mergeAdapter } from '../../src/nn/lora.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'
import { type TinyOptions, trainTiny } from './tiny-training.ts'

const script = fileURLToPath(new URL('tiny-training.ts', import.meta.url))

/** Runs a training process and kills it some milliseconds after its n-th step; true when it finished before. */
function attempt(
  trainer: string,
  out: string,
  options: TinyOptions,
  kill: { afterSteps: number; thenMs: number },
): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, trainer, out, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Steps are the clock, so that kills fall into training on machines of any speed.
  let seen = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = seen
    seen += text.split('\n').length - 1
    if (before < kill.afterSteps && seen >= kill.afterSteps)
      setTimeout(() => child.kill('SIGKILL'), kill.thenMs)
  })
  return new Promise((resolve) => child.on('exit', (code) => resolve(code === 0)))
}

const lora = { rank: 2, alpha: 4, targetModules: ['down_proj', 'q_proj', 'v_proj'] }
const cases: readonly (readonly [string, 'sft' | 'dpo', TinyOptions])[] = [
  ['sft', 'sft', {}],
  ['sft of an adapter on two threads', 'sft', { lora, workers: 2 }],
  ['dpo, recomputing,', 'dpo', { recompute: true }],
]
for (const [name, trainer, options] of cases) {
  test(`${name} killed at random moments ends with the weights of an uninterrupted run`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fulcrum-resume-'))
    await trainTiny(trainer, join(folder, 'whole'), { ...options, workers: 1 })
    const random = rngFor('resume', name)
    let kills = 0
    const next = () => ({
      afterSteps: kills < 2 ? 1 + random.below(4) : Infinity,
      thenMs: random.below(15),
    })
    while (!(await attempt(trainer, join(folder, 'cut'), options, next()))) kills++
    assert.ok(kills >= 1, 'the test must have interrupted it')
    const files = options.lora === undefined ? [] : ['adapter/adapter_model.safetensors']
    for (const file of ['model.safetensors', ...files]) {
      const weights = (run: string): Buffer => readFileSync(join(folder, run, file))
      assert.deepEqual(weights('cut'), weights('whole'), file)
    }
    const log = readFileSync(join(folder, 'cut', 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
    assert.deepEqual(
      log.map((line) => (JSON.parse(line) as { step: number }).step),
      log.map((_, i) => i + 1),
    )
    assert.ok(existsSync(join(folder, 'cut', 'loss.svg')))
  })
}

test('any number of threads gives the same weights and losses to the last bit', async () => {
  for (const [trainer, threads, options] of [
    ['sft', 2, { microBatchSize: 2 }],
    ['dpo', 3, { microBatchSize: 3, lora }],
  ] as const) {
    const folder = mkdtempSync(join(tmpdir(), 'fulcrum-workers-'))
    const [one, several] = await Promise.all(
      [1, threads].map(async (workers) => {
        const out = join(folder, `${workers}`)
        await trainTiny(trainer, out, { ...options, workers, epochs: 1 })
        const log = readFileSync(join(out, 'log.jsonl'), 'utf8').trim().split('\n')
        const losses = log.map((line) => {
          const { loss, grad_norm: norm } = JSON.parse(line) as { loss: number; grad_norm: number }
          return [loss, norm]
        })
        return { losses, weights: readFileSync(join(out, 'model.safetensors')) }
      }),
    )
    assert.deepEqual(several, one)
  }
})

test('an adapter run leaves a PEFT folder and the model with the adapter in it', async () => {
  const out = join(mkdtempSync(join(tmpdir(), 'fulcrum-adapter-')), 'run')
  await trainTiny('sft', out, { lora, epochs: 1 })
  const { config, weights } = await loadCheckpoint(out)
  const adapter = await loadAdapter(join(out, 'adapter'), config)
  assert.deepEqual(adapter.options, lora)
  const merged = mergeAdapter(tinyCheckpoint('llama'), adapter)
  assert.deepEqual(weights, merged.weights)
  assert.notDeepEqual(weights, tinyCheckpoint('llama').weights)
})

test('other settings in the same folder are refused with both hashes', async () => {
  const out = join(mkdtempSync(join(tmpdir(), 'fulcrum-claim-')), 'run')
  await trainTiny('sft', out)
  await assert.rejects(
    trainTiny('sft', out, { learningRate: 1 }),
    /holds a run with other settings \([0-9a-f]{12}, this one is [0-9a-f]{12}\)/,
  )
})

test('memory is flat from step to step, and nothing is left at the end', async () => {
  const { tf } = await openBackend('wasm')
  for (const [trainer, options] of [
    ['sft', {}],
    ['dpo', { recompute: true }],
    ['sft', { lora }],
  ] as const) {
    const before = tf.memory().numTensors
    const seen = new Set<string>()
    const watch = (): void => {
      const { numTensors, numBytes } = tf.memory()
      seen.add(`${numTensors} tensors, ${numBytes} bytes`)
    }
    await trainTiny(
      trainer,
      mkdtempSync(join(tmpdir(), 'fulcrum-leak-')),
      { ...options, epochs: 3 },
      48,
      watch,
    )
    assert.equal(seen.size, 1, [...seen].join('; '))
    assert.equal(tf.memory().numTensors, before)
  }
})

test('a dataset without examples is refused', async () => {
  const out = mkdtempSync(join(tmpdir(), 'fulcrum-empty-'))
  await assert.rejects(trainTiny('dpo', out, {}, 0), /tiny has no pairs/)
})
