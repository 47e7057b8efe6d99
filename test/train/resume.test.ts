import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBackend } from '../../src/nn/backend.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { trainTiny } from './tiny-training.ts'

const script = fileURLToPath(new URL('tiny-training.ts', import.meta.url))

/** Runs a training process and kills it some milliseconds after its n-th step; true when it finished before. */
function attempt(
  trainer: string,
  out: string,
  kill: { afterSteps: number; thenMs: number },
): Promise<boolean> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, trainer, out], {
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

for (const trainer of ['sft', 'dpo'] as const) {
  test(`${trainer} killed at random moments ends with the weights of an uninterrupted run`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fulcrum-resume-'))
    await trainTiny(trainer, join(folder, 'whole'))
    const random = rngFor('resume', trainer)
    let kills = 0
    const next = () => ({
      afterSteps: kills < 4 ? 1 + random.below(4) : Infinity,
      thenMs: random.below(15),
    })
    while (!(await attempt(trainer, join(folder, 'cut'), next()))) kills++
    assert.ok(kills >= 2, 'the test must have interrupted it')
    const weights = (name: string): Buffer => readFileSync(join(folder, name, 'model.safetensors'))
    assert.deepEqual(weights('cut'), weights('whole'))
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

test('other settings in the same folder are refused with both hashes', async () => {
  const out = join(mkdtempSync(join(tmpdir(), 'fulcrum-claim-')), 'run')
  await trainTiny('sft', out)
  await assert.rejects(
    trainTiny('sft', out, { learningRate: 1 }),
    /holds a run with other settings \([0-9a-f]{12}, this one is [0-9a-f]{12}\)/,
  )
})

test('training leaves no tensor behind', async () => {
  const { tf } = await openBackend('wasm')
  const counts: number[] = []
  for (const steps of [1, 2]) {
    const before = tf.memory().numTensors
    await trainTiny('dpo', mkdtempSync(join(tmpdir(), 'fulcrum-leak-')), { epochs: steps })
    await trainTiny('sft', mkdtempSync(join(tmpdir(), 'fulcrum-leak-')), { epochs: steps })
    counts.push(tf.memory().numTensors - before)
  }
  assert.deepEqual(counts, [0, 0])
})

test('a dataset without examples is refused', async () => {
  const out = mkdtempSync(join(tmpdir(), 'fulcrum-empty-'))
  await assert.rejects(trainTiny('dpo', out, {}, 0), /tiny has no pairs/)
})
