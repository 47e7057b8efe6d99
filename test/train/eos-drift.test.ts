import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { type Checkpoint, loadCheckpoint } from '../../src/nn/checkpoint.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { referenceLogits } from '../../src/nn/reference.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { type PreferencePair, trainDpo } from '../../src/train/dpo.ts'
import { inMemory } from '../../src/train/items.ts'
import type { TrainingOptions } from '../../src/train/loop.ts'
import { trainSft } from '../../src/train/sft.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'

const eos = 0
const folder = mkdtempSync(join(tmpdir(), 'fulcrum-eos-'))
const random = rngFor('eos drift')
const token = (): number => 2 + random.below(11)

const options = (name: string, learningRate: number): TrainingOptions => ({
  out: join(folder, name),
  backend: 'wasm',
  workers: 1,
  batchSize: 8,
  microBatchSize: 8,
  recompute: false,
  lora: null,
  learningRate,
  warmupSteps: 5,
  decay: 'constant',
  weightDecay: 0,
  clipNorm: 1,
  seed: 0,
  checkpointEvery: 1000,
})

/** Mean P(end | prefix + chosen token). */
function endAfterChosen(checkpoint: Checkpoint, pairs: readonly PreferencePair[]): number {
  const each = pairs.map(({ promptIds, chosenIds }) => {
    const row = referenceLogits(checkpoint, [...promptIds, chosenIds[0] as number]).at(-1) as Float64Array
    return Math.exp(row[eos] as number) / row.reduce((sum, logit) => sum + Math.exp(logit), 0)
  })
  return each.reduce((sum, p) => sum + p, 0) / each.length
}

/** 150 steps of preference training from the model; P(end | prefix + chosen token) after them. */
async function after(name: string, model: Checkpoint, pairs: readonly PreferencePair[]): Promise<number> {
  const settings = { ...options(name, 1e-3), beta: 0.1, nllWeight: 0, labelSmoothing: 0 }
  const data = [{ items: inMemory(name, pairs), epochs: (150 * 8) / pairs.length }]
  const { steps } = await trainDpo({ model, modelId: 'toy', tokenizerFrom: folder, data, options: settings })
  assert.equal(steps, 150)
  return endAfterChosen(await loadCheckpoint(settings.out), pairs)
}

test('150 steps on one-token pairs leave the end token as likely after the chosen token as it was', async () => {
  // A toy language: five words, then the end.
  const sentences = Array.from({ length: 400 }, () => ({
    promptIds: [1, token(), token()],
    completionIds: [token(), token(), token(), eos],
  }))
  const { config } = tinyCheckpoint('llama')
  await trainSft({
    model: initialCheckpoint(config, 3),
    modelId: 'toy',
    tokenizerFrom: folder,
    data: [{ items: inMemory('sentences', sentences), epochs: 3 }],
    options: options('toy', 1e-2),
  })
  const toy = await loadCheckpoint(join(folder, 'toy'))
  const pairs = Array.from({ length: 48 }, () => {
    const [a, b] = [token(), token()]
    return { promptIds: [1, a, b], chosenIds: [2 + ((a + b) % 11)], rejectedIds: [2 + ((a + b + 1) % 11)] }
  })
  const before = endAfterChosen(toy, pairs)
  assert.ok(before < 0.02, `the toy ends too early: ${before}`)
  const drifted = await after('exact', toy, pairs)
  assert.ok(drifted < before + 0.02, `P(end) went from ${before} to ${drifted}`)

  // What a trainer that appends the end token to both sides does: the figure above is no accident.
  const ended = pairs.map(({ promptIds, chosenIds, rejectedIds }) => ({
    promptIds,
    chosenIds: [...chosenIds, eos],
    rejectedIds: [...rejectedIds, eos],
  }))
  const control = await after('with an end', toy, ended)
  assert.ok(control > before + 0.1, `P(end) went from ${before} to ${control}`)
})
