import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBackend } from '../../src/nn/backend.ts'
import { toParameters } from '../../src/nn/network.ts'
import { referenceLogits } from '../../src/nn/reference.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { microGradients, readPart } from '../../src/train/gradients.ts'
import { type GrpoInput, grpoObjective, trainGrpo } from '../../src/train/grpo.ts'
import type { LogEntry } from '../../src/train/log.ts'
import { roll, type Rollout, thatFit } from '../../src/train/rollouts.ts'
import { tinyGrpo } from './tiny-grpo.ts'

const script = fileURLToPath(new URL('tiny-grpo.ts', import.meta.url))
const newFolder = (): string => mkdtempSync(join(tmpdir(), 'fulcrum-grpo-'))
const logOf = (out: string): LogEntry[] =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as LogEntry)
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

test('thirty steps teach a toy model what the verifier accepts; the sampler and the trainer agree to 1e-5', async () => {
  const out = newFolder()
  await trainGrpo(tinyGrpo(out, { steps: 30, snapshots: [10] }))
  const log = logOf(out)
  const accuracy = log.map((entry) => entry.accuracy ?? NaN)
  assert.ok(mean(accuracy.slice(0, 5)) < 0.4 && mean(accuracy.slice(-5)) > 0.8, accuracy.join(' '))
  const reward = log.map((entry) => entry.reward ?? NaN)
  assert.ok(mean(reward.slice(-5)) > mean(reward.slice(0, 5)) + 0.4, reward.join(' '))
  for (const entry of log) assert.ok((entry.rollout_gap ?? 0) < 1e-5, `step ${entry.step}`)
  // Before the first update the policy is its own reference.
  assert.ok(Math.abs(log[0]?.kl ?? NaN) < 1e-9 && (log.at(-1)?.kl ?? 0) > 0.1)
  assert.ok(log.some((entry) => (entry.skipped_groups ?? 0) > 0))
  assert.ok(log.every((entry) => (entry.clipped ?? 0) === 0))
  const weights = (folder: string): Buffer => readFileSync(join(folder, 'model.safetensors'))
  assert.notDeepEqual(weights(join(out, 'step-10')), weights(out))
  assert.match(readFileSync(join(out, 'reward.svg'), 'utf8'), /^<svg/)
})

test('the first ratio is 1 within 1e-5, and further updates on the same rollouts leave it', async () => {
  const out = newFolder()
  const clip = { clipLow: 1e-5, clipHigh: 1e-5 }
  await trainGrpo(tinyGrpo(out, { steps: 3, updates: 2, warmupSteps: 0, ...clip }))
  const clipped = logOf(out).map((entry) => entry.clipped ?? 0)
  // A clip of 1e-5 holds no token at the first update of a round, and many at the second.
  assert.deepEqual([clipped[0], clipped[2], clipped[4]], [0, 0, 0])
  assert.ok((clipped[1] ?? 0) > 0.1, clipped.join(' '))
})

/** Four rollouts of the starting weights, their advantages made to differ. */
async function someRollouts() {
  const input = tinyGrpo('unused', { temperature: 1.25, klWeight: 0.3, entropyWeight: 0.2 })
  const sampler = await createWasmSampler(input.model)
  const { rollouts } = await roll(sampler, input, thatFit(input).problems, 1)
  const few = rollouts
    .slice(0, 4)
    .map(({ item }, i) => ({ ...item, advantage: [1.5, -1, 0.5, -2][i] as number }))
  assert.equal(few.length, 4)
  return { input, few }
}

/** Sums over rollouts of the loss written out in float64, token by token. */
function exactLoss(
  { model, options }: GrpoInput,
  rollouts: readonly Rollout[],
): { loss: number; logProbs: number[][] } {
  let loss = 0
  const logProbs = rollouts.map(({ promptIds, tokenIds, advantage, old, reference, share, tokenShare }) => {
    const rows = referenceLogits(model, [...promptIds, ...tokenIds.slice(0, -1)])
    return tokenIds.map((id, t) => {
      const row = Array.from(rows[promptIds.length - 1 + t] as Float64Array, (x) => x / options.temperature)
      const logTotal = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0))
      const logProb = (row[id] as number) - logTotal
      const ratio = Math.exp(logProb - (old?.[t] ?? logProb))
      const held = Math.min(1 + options.clipHigh, Math.max(1 - options.clipLow, ratio))
      const away = (reference?.[t] ?? logProb) - logProb
      const kl = options.klWeight * (Math.exp(away) - away - 1)
      const entropy = -row.reduce((sum, x) => sum + Math.exp(x - logTotal) * (x - logTotal), 0)
      loss -= share * (Math.min(ratio * advantage, held * advantage) - kl)
      loss -= tokenShare * options.entropyWeight * entropy
      return logProb
    })
  })
  return { loss, logProbs }
}

test('the sampler and the trainer agree on every token of a rollout to 1e-5', async () => {
  const { input, few } = await someRollouts()
  const { logProbs } = exactLoss(input, few)
  few.forEach(({ sampled }, i) => {
    sampled.forEach((logProb, t) => {
      assert.ok(Math.abs(Math.exp(logProb - (logProbs[i]?.[t] as number)) - 1) < 1e-5)
    })
  })
})

test('loss and gradients through the whole model agree with float64 and finite differences', async () => {
  const backend = await openBackend('wasm')
  const { input, few } = await someRollouts()
  // Away from ratio 1 on both sides of the clip, and away from the reference.
  const { logProbs } = exactLoss(input, few)
  const drifted = few.map((rollout, i): Rollout => {
    const moved = (by: readonly number[]): number[] =>
      (logProbs[i] as number[]).map((logProb, t) => logProb + (by[(i + t) % by.length] as number))
    return { ...rollout, old: moved([0.05, -0.1, 0.5, -0.5]), reference: moved([0.4, -0.3, 0.1]) }
  })
  const { config } = input.model
  const parameters = toParameters(backend, input.model)
  const network = { backend, config, parameters, recompute: false }
  const pending = microGradients(network, grpoObjective, { items: drifted, scale: 1 }, input.options)
  const { gradients } = pending
  const { loss, shown } = await readPart(pending)
  const exact = (model = input.model): number => exactLoss({ ...input, model }, drifted).loss
  assert.ok(Math.abs(loss - exact()) < 1e-5, `${loss} is not ${exact()}`)
  assert.ok((shown.clipped as number) > 0)
  for (const [name, variable] of Object.entries(parameters)) {
    const gradient = Array.from((await gradients[variable.name]?.data()) ?? [])
    const length = Math.hypot(...gradient)
    const weight = input.model.weights.get(name)
    assert.ok(weight !== undefined && length > 0, name)
    const moved = (by: number): number => {
      const data = Float64Array.from(
        weight.data,
        (value, i) => value + (by * (gradient[i] as number)) / length,
      )
      const weights = new Map(input.model.weights).set(name, {
        ...weight,
        data: data as unknown as Float32Array,
      })
      return exact({ config, weights })
    }
    const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    assert.ok(Math.abs(slope - length) < 2e-3 * length, `${name}: ${length}, finite differences ${slope}`)
  }
})

test('parts of any size, gradient checkpointing and an adapter that adds nothing give one loss', async () => {
  const losses: number[] = []
  const shapes = [{}, { microBatchSize: 1 }, { recompute: true }, { workers: 2 }]
  const lora = { rank: 2, alpha: 4, targetModules: ['q_proj'] }
  for (const over of [...shapes, { lora }]) {
    const out = newFolder()
    await trainGrpo(tinyGrpo(out, { steps: 1, klWeight: 0, ...over }))
    losses.push(logOf(out)[0]?.loss ?? NaN)
  }
  for (const loss of losses) assert.ok(Math.abs(loss - (losses[0] as number)) < 1e-6, losses.join(' '))
})

test('grpo killed at random moments ends with the weights of an uninterrupted run', async () => {
  const folder = newFolder()
  const over = { updates: 2, checkpointEvery: 1 }
  await trainGrpo(tinyGrpo(join(folder, 'whole'), over))
  const cut = join(folder, 'cut')
  const random = rngFor('grpo', 'resume')
  let kills = 0
  const attempt = (): Promise<boolean> => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, cut, JSON.stringify(over)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [afterSteps, thenMs] = [kills < 3 ? 1 + random.below(5) : Infinity, random.below(15)]
    let seen = 0
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const before = seen
      seen += text.split('\n').length - 1
      if (before < afterSteps && seen >= afterSteps) setTimeout(() => child.kill('SIGKILL'), thenMs)
    })
    return new Promise((resolve) => child.on('exit', (code) => resolve(code === 0)))
  }
  while (!(await attempt())) kills++
  assert.ok(kills >= 2, 'the test must have interrupted it')
  const weights = (name: string): Buffer => readFileSync(join(folder, name, 'model.safetensors'))
  assert.deepEqual(weights('cut'), weights('whole'))
  const steady = (out: string) => logOf(out).map((entry) => ({ ...entry, tokens_per_second: 0 }))
  assert.deepEqual(steady(cut), steady(join(folder, 'whole')))
})

test('training leaves no tensor behind', async () => {
  const { tf } = await openBackend('wasm')
  const counts: number[] = []
  for (const steps of [1, 3]) {
    const before = tf.memory().numTensors
    await trainGrpo(tinyGrpo(newFolder(), { steps, updates: 2 }))
    counts.push(tf.memory().numTensors - before)
  }
  assert.deepEqual(counts, [0, 0])
})

test('problems that leave no room for a rollout are counted, and none left is an error', async () => {
  const out = newFolder()
  const input = tinyGrpo(out, { steps: 1 })
  const long = { id: 'long', problem: 'b'.repeat(19), answer: 'c' }
  await trainGrpo({ ...input, problems: [...input.problems, long] })
  const { data } = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8')) as { data: object }
  assert.deepEqual(data, { id: 'tiny', problems: 6, too_long: 1, verifier: 'any-letter' })
  await assert.rejects(
    trainGrpo({ ...tinyGrpo(newFolder()), problems: [long] }),
    /tiny has no problems that fit/,
  )
  await assert.rejects(trainGrpo({ ...tinyGrpo(newFolder()), problems: [] }), /tiny has no problems$/)
})

test('a loss that is no number stops the run, names the problems and leaves the last checkpoint', async () => {
  const out = newFolder()
  const broken = { learningRate: 1e38, clipNorm: 1e38, warmupSteps: 0, checkpointEvery: 1 }
  await assert.rejects(
    trainGrpo(tinyGrpo(out, broken)),
    /^FulcrumError: Step \d+ has loss .* in problem p\d rollout \d/,
  )
  assert.ok(!existsSync(join(out, 'model.safetensors')))
})
