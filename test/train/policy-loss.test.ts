import assert from 'node:assert/strict'
import test from 'node:test'
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import { openBackend } from '../../src/nn/backend.ts'
import {
  entropyOf,
  groupAdvantages,
  policyLoss,
  type PolicyLossOptions,
} from '../../src/train/policy-loss.ts'

const near = (got: number | undefined, want: number, by: number): void =>
  assert.ok(Math.abs((got ?? NaN) - want) <= by, `${got} is not ${want}`)
const read = (tensor: Tensor | undefined): number[] => Array.from(tensor?.dataSync() ?? [])

test('advantages have their published values, by population and by sample', () => {
  // The published rewards .615 and .308 are 8/13 and 4/13 rounded.
  const group = [8, 8, 4, -4, -4, -4, -8, -8].map((thirteenths) => thirteenths / 13)
  const want = [1.441, 1.441, 0.801, -0.48, -0.48, -0.48, -1.121, -1.121]
  groupAdvantages(group, 'population')?.forEach((advantage, i) => near(advantage, want[i] as number, 5e-4))
  assert.deepEqual(groupAdvantages([1, -0.5, 1, -0.5], 'population'), [1, -1, 1, -1])
  groupAdvantages([1, -0.5, 1, -0.5], 'sample')?.forEach((advantage, i) =>
    near(advantage, i % 2 === 0 ? 0.866025 : -0.866025, 1e-6),
  )
})

test('a group of equal rewards has no advantages, and one that differs by little has', () => {
  assert.equal(groupAdvantages([0.1 + 0.2, 0.3 + 0, 0.1 + 0.2].fill(0.1 + 0.2), 'population'), null)
  assert.equal(groupAdvantages([-1], 'sample'), null)
  assert.deepEqual(groupAdvantages([1e-9, 0], 'population'), [1, -1])
})

interface Case {
  readonly logProbs: readonly number[]
  readonly old: readonly number[]
  readonly reference: readonly number[] | null
  readonly entropy: readonly number[]
  readonly advantages: readonly number[]
  readonly weights: readonly number[]
}

async function lossOf(of: Case, options: PolicyLossOptions) {
  const { tf } = await openBackend('wasm')
  const one = (values: readonly number[]): Tensor1D => tf.tensor1d([...values])
  const [logProbs, entropy] = [tf.variable(one(of.logProbs)), tf.variable(one(of.entropy))]
  const shown = { kl: NaN, entropy: NaN, clipped: NaN }
  const { value, grads } = tf.variableGrads(() => {
    const found = policyLoss(
      tf,
      {
        logProbs: logProbs,
        old: one(of.old),
        reference: of.reference === null ? null : one(of.reference),
        entropy: entropy,
        advantages: one(of.advantages),
        weights: one(of.weights),
        entropyWeights: one(of.entropy.map(() => 1 / of.entropy.length)),
      },
      options,
    )
    for (const name of ['kl', 'entropy', 'clipped'] as const) shown[name] = read(found[name])[0] as number
    return found.loss
  })
  return {
    loss: read(value)[0],
    slope: read(grads[logProbs.name]),
    push: read(grads[entropy.name]),
    ...shown,
  }
}

const clip = { clipLow: 0.2, clipHigh: 0.2 }

test('the loss has hand-worked values: clipped on the side that gains, k3, entropy', async () => {
  // Ratios 1.5, 1.5, 0.5, 0.5 with advantages 2, -2, 2, -2: min takes 1.2*2, -1.5*2, 0.5*2, -0.8*2 = 2.4, -3, 1, -1.6.
  const ratios = [1.5, 1.5, 0.5, 0.5]
  const of: Case = {
    logProbs: ratios.map((ratio) => Math.log(ratio) - 2),
    old: [-2, -2, -2, -2],
    reference: null,
    entropy: [1, 2, 3, 4],
    advantages: [2, -2, 2, -2],
    weights: [0.25, 0.25, 0.25, 0.25],
  }
  const plain = await lossOf(of, { ...clip, klWeight: 0, entropyWeight: 0 })
  near(plain.loss, 0.3, 1e-6) // -(2.4 - 3 + 1 - 1.6) / 4
  // d(-w r A) / d logProb = -w r A where the clip does not hold it.
  plain.slope.forEach((slope, i) => near(slope, [0, 0.75, -0.25, 0][i] as number, 1e-6))
  near(plain.clipped, 0.5, 1e-6)

  // d = reference - logProb = log 2: k3 = 2 - log 2 - 1 = 0.306853, and its slope 1 - 2 = -1.
  const pulled = await lossOf(
    { ...of, reference: of.logProbs.map((logProb) => logProb + Math.log(2)) },
    { ...clip, klWeight: 0.1, entropyWeight: 0.01 },
  )
  near(pulled.kl, 0.306853, 1e-6)
  near(pulled.entropy, 2.5, 1e-6)
  near(pulled.loss, 0.3 + 0.0306853 - 0.025, 1e-6)
  near(pulled.slope[0], 0.25 * 0.1 * -1, 1e-6)
  pulled.push.forEach((slope) => near(slope, -0.01 / 4, 1e-8))
})

test('at the first ratio of 1 the loss is minus the weighted advantages and the slope minus w A', async () => {
  const of: Case = {
    logProbs: [-1, -2, -3],
    old: [-1, -2, -3],
    reference: [-1, -2, -3],
    entropy: [0, 0, 0],
    advantages: [1.5, 1.5, -0.5],
    weights: [0.25, 0.25, 0.5],
  }
  const { loss, slope, kl } = await lossOf(of, { ...clip, klWeight: 1, entropyWeight: 0 })
  near(loss, -0.5, 1e-6)
  near(kl, 0, 1e-7)
  slope.forEach((value, i) => near(value, [-0.375, -0.375, 0.25][i] as number, 1e-6))
})

test('entropy and its gradient agree with float64 and with finite differences', async () => {
  const { tf } = await openBackend('wasm')
  const rows = [
    [1, -2, 0.5, 3],
    [0, 0, 0, 0],
    [20, -20, 0, 1],
  ]
  const exact = (row: readonly number[]): number => {
    const highest = Math.max(...row)
    const mass = row.map((x) => Math.exp(x - highest))
    const total = mass.reduce((a, b) => a + b, 0)
    return -mass.reduce((sum, m) => sum + (m / total) * Math.log(m / total), 0)
  }
  const scale = [1, -2, 3]
  const gradient = tf.grad((x: Tensor) =>
    entropyOf(tf, x as Tensor2D)
      .mul(tf.tensor1d(scale))
      .sum(),
  )
  const slopes = (await gradient(tf.tensor2d(rows)).array()) as number[][]
  read(entropyOf(tf, tf.tensor2d(rows))).forEach((got, i) => near(got, exact(rows[i] ?? []), 1e-6))
  const step = 1e-5
  rows.forEach((row, n) => {
    row.forEach((_, v) => {
      const moved = (by: number): number => exact(row.map((x, i) => (i === v ? x + by : x)))
      near(slopes[n]?.[v], ((moved(step) - moved(-step)) / (2 * step)) * (scale[n] as number), 1e-5)
    })
  })
})
