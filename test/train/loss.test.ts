import assert from 'node:assert/strict'
import test from 'node:test'
import { type Backend, openBackend } from '../../src/nn/backend.ts'
import type { Checkpoint } from '../../src/nn/checkpoint.ts'
import { toParameters } from '../../src/nn/network.ts'
import { referenceLogits } from '../../src/nn/reference.ts'
import { adamW, globalNorm } from '../../src/train/adamw.ts'
import { sideLogProbs } from '../../src/train/dpo.ts'
import { dpoLoss } from '../../src/train/loss.ts'
import type { Network } from '../../src/train/objective.ts'
import { rateAt } from '../../src/train/schedule.ts'
import { sftObjective } from '../../src/train/sft.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'

const near = (got: number, want: number, by: number): void =>
  assert.ok(Math.abs(got - want) <= by, `${got} is not ${want}`)

test('the DPO loss has its published and hand-worked values', async () => {
  const { tf } = await openBackend('wasm')
  const one = (value: number) => tf.tensor1d([value])
  const loss = (chosen: number, rejected: number, beta: number, labelSmoothing = 0): number =>
    dpoLoss(tf, one(chosen), one(rejected), one(0), one(0), {
      beta,
      labelSmoothing,
    }).loss.dataSync()[0] as number
  near(loss(0.5, -0.3, 0.5), 0.513015, 1e-6)
  near(loss(1, 0, 0.5), 0.474077, 1e-6) // one token each, logits (2, 1) against (1, 1)
  near(loss(0, 0, 0.5), 0.693147, 1e-6)
  near(loss(-2000, 2000, 1), 4000, 1e-2)
  // A tenth of the labels wrong: .9 * -log sigmoid(.4) + .1 * -log sigmoid(-.4).
  near(loss(0.5, -0.3, 0.5, 0.1), 0.9 * 0.513015 + 0.1 * 0.913015, 1e-6)
})

const networkOf = (backend: Backend, checkpoint: Checkpoint): Network => ({
  backend,
  config: checkpoint.config,
  parameters: toParameters(backend, checkpoint),
  recompute: false,
})

/** Log-probability of ids[at..] in float64. */
function reference(
  checkpoint: ReturnType<typeof tinyCheckpoint>,
  ids: readonly number[],
  from: number,
): number {
  const rows = referenceLogits(checkpoint, ids)
  return ids.slice(from).reduce((sum, id, i) => {
    const row = rows[from + i - 1] as Float64Array
    return sum + (row[id] as number) - Math.log(row.reduce((total, x) => total + Math.exp(x), 0))
  }, 0)
}

test('both sides of a pair have the log-probability of their exact ids, of one token and of many', async () => {
  const backend = await openBackend('wasm')
  const checkpoint = tinyCheckpoint('llama')
  const pairs = [
    { promptIds: [3, 1, 4], chosenIds: [7], rejectedIds: [2] },
    { promptIds: [3, 1, 4, 1, 5], chosenIds: [7, 8, 0], rejectedIds: [2, 5] },
    { promptIds: [9], chosenIds: [1], rejectedIds: [1, 1] },
  ]
  const { chosen, rejected } = sideLogProbs(networkOf(backend, checkpoint), pairs)
  const [good, bad] = [chosen.dataSync(), rejected.dataSync()]
  pairs.forEach(({ promptIds, chosenIds, rejectedIds }, i) => {
    near(good[i] as number, reference(checkpoint, [...promptIds, ...chosenIds], promptIds.length), 1e-4)
    near(bad[i] as number, reference(checkpoint, [...promptIds, ...rejectedIds], promptIds.length), 1e-4)
  })
})

test('the SFT loss falls on completion tokens only', async () => {
  const backend = await openBackend('wasm')
  const checkpoint = tinyCheckpoint('qwen2')
  const batch = [
    { promptIds: [3, 1, 4, 1], completionIds: [5, 9, 0] },
    { promptIds: [2], completionIds: [6, 5, 3, 5, 0] },
  ]
  const loss = sftObjective(networkOf(backend, checkpoint), batch, {}).loss.dataSync()[0] as number
  const want = batch.reduce(
    (sum, { promptIds: p, completionIds: c }) => sum - reference(checkpoint, [...p, ...c], p.length),
    0,
  )
  near(loss, want, 1e-4)
})

test('AdamW makes the hand-worked first two steps, clips by the global norm and decays matrices only', async () => {
  const backend = await openBackend('wasm')
  const { tf } = backend
  const [matrix, gain] = [tf.variable(tf.tensor2d([[1, -2]])), tf.variable(tf.tensor1d([3]))]
  const optimizer = adamW(
    backend,
    { matrix, gain },
    { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 2.5 },
  )
  const gradients = () => ({ [matrix.name]: tf.tensor2d([[3, 4]]), [gain.name]: tf.tensor1d([0]) })
  near(await globalNorm(backend, gradients()), 5, 1e-6)
  optimizer.apply(gradients(), 5, 1, 0.01)
  // Bias-corrected, the first step is the sign of the gradient: 1 - .01 * (.1 * 1) - .01.
  const first = Array.from(matrix.dataSync())
  near(first[0] as number, 0.989, 1e-6)
  near(first[1] as number, -2.008, 1e-6)
  assert.equal(gain.dataSync()[0], 3)
  const state = await optimizer.state()
  near(state.get('m.matrix')?.data[0] as number, 0.1 * 1.5, 1e-6) // the gradient (3, 4) was clipped to (1.5, 2)
  near(state.get('v.matrix')?.data[1] as number, 0.01 * 4, 1e-6)
})

test('the rate warms up from 0, peaks, and falls to 0 after the last step', () => {
  const schedule = { learningRate: 1, warmupSteps: 4, decay: 'linear' as const, steps: 12 }
  assert.deepEqual(
    [1, 2, 4].map((step) => rateAt(step, schedule)),
    [0.25, 0.5, 1],
  )
  assert.ok(rateAt(12, schedule) > 0 && rateAt(12, schedule) < 0.12)
  near(rateAt(13, schedule), 0, 1e-12)
  near(rateAt(13, { ...schedule, decay: 'cosine' }), 0, 1e-12)
  assert.equal(rateAt(9, { ...schedule, decay: 'constant' }), 1)
})
