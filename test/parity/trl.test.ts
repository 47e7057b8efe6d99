import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'node:test'
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs'
import { openBackend } from '../../src/nn/backend.ts'
import { gatherRows, pickLogProbs } from '../../src/nn/layers.ts'
import { dpoLoss } from '../../src/train/loss.ts'
import { entropyOf, groupAdvantages, policyLoss } from '../../src/train/policy-loss.ts'

// Numbers as TRL 1.16's own trainers computed them: trl_reference.py makes them again.
const file = fileURLToPath(new URL('../fixtures/trl/losses.json', import.meta.url))
const script = fileURLToPath(new URL('./trl_reference.py', import.meta.url))
const python = process.env.FULCRUM_TEST_PYTHON ?? 'python3'
const installed = spawnSync(python, ['-c', 'import torch, trl']).status === 0
const skip = installed ? false : `SKIPPED: ${python} has no torch and trl (set FULCRUM_TEST_PYTHON)`

interface Sequences {
  /** Sequences, tokens, vocabulary. */
  readonly shape: [number, number, number]
  readonly logits: number[]
  readonly lengths: number[]
  readonly loss: number
  /** Of the loss by logit. */
  readonly gradient: number[]
}
interface Policy extends Sequences {
  readonly loss_type: 'grpo' | 'bnpo'
  readonly kl_weight: number
  readonly entropy_weight: number
  readonly clip_low: number
  readonly clip_high: number
  readonly completions: number[]
  readonly old: number[]
  readonly reference: number[]
  readonly advantages: number[]
  readonly entropy: number
  readonly clipped: number
}
interface Preference extends Sequences {
  readonly beta: number
  readonly targets: number[]
  readonly references: number[]
  readonly margin: number
}
interface Fixture {
  readonly grpo: Policy[]
  readonly dpo: Preference[]
  readonly groups: { rewards: number[]; epsilon: number; deviation: number; advantages: number[] }[]
}
const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture

/** Indices of the tokens before each sequence's end, of a padded [B, T]. */
const inside = ({ shape: [sequences, tokens], lengths }: Sequences): number[] =>
  Array.from({ length: sequences * tokens }, (_, i) => i).filter(
    (i) => i % tokens < (lengths[Math.floor(i / tokens)] as number),
  )

for (const [i, of] of fixture.grpo.entries()) {
  test(`GRPO loss ${i} (${of.loss_type}) and its gradient are TRL's to 1e-5`, async () => {
    const { tf } = await openBackend('wasm')
    const [sequences, tokens, vocabulary] = of.shape
    const places = inside(of)
    const pick = (values: readonly number[]): Tensor1D => tf.tensor1d(places.map((p) => values[p] as number))
    const share = (p: number): number =>
      of.loss_type === 'grpo'
        ? 1 / (sequences * (of.lengths[Math.floor(p / tokens)] as number))
        : 1 / places.length
    let shown: { entropy: Scalar; clipped: Scalar } | undefined
    const logits = tf.variable(tf.tensor2d(of.logits, [sequences * tokens, vocabulary]))
    const { value, grads } = tf.variableGrads(() => {
      const rows = gatherRows(tf, logits, tf.tensor1d(places, 'int32'))
      const found = policyLoss(
        tf,
        {
          logProbs: pickLogProbs(tf, rows, pick(of.completions).toInt()),
          old: pick(of.old),
          reference: pick(of.reference),
          entropy: entropyOf(tf, rows),
          advantages: tf.tensor1d(places.map((p) => of.advantages[Math.floor(p / tokens)] as number)),
          weights: tf.tensor1d(places.map(share)),
          entropyWeights: tf.fill([places.length], 1 / places.length),
        },
        {
          clipLow: of.clip_low,
          clipHigh: of.clip_high,
          klWeight: of.kl_weight,
          entropyWeight: of.entropy_weight,
        },
      )
      shown = { entropy: tf.keep(found.entropy), clipped: tf.keep(found.clipped) }
      return found.loss
    })
    near(read(value)[0], of.loss)
    near(read(shown?.entropy)[0], of.entropy)
    near(read(shown?.clipped)[0], of.clipped)
    assert.ok(of.clipped > 0, 'the case reaches the clip')
    nearAll(read(grads[logits.name]), of.gradient)
  })
}

for (const [i, of] of fixture.dpo.entries()) {
  test(`DPO loss ${i} and its gradient are TRL's to 1e-5`, async () => {
    const { tf } = await openBackend('wasm')
    const [sequences, tokens, vocabulary] = of.shape
    const pairs = sequences / 2
    const mask = new Float32Array(sequences * tokens)
    for (const place of inside(of)) mask[place] = 1
    const logits = tf.variable(tf.tensor2d(of.logits, [sequences * tokens, vocabulary]))
    let margins: Tensor1D | undefined
    const { value, grads } = tf.variableGrads(() => {
      const each = pickLogProbs(tf, logits, tf.tensor1d(of.targets, 'int32'))
      const sums = each.mul(tf.tensor1d(mask)).reshape([sequences, tokens]).sum<Tensor1D>(1)
      const [chosen, rejected] = tf.split(sums, 2) as [Tensor1D, Tensor1D]
      const [before, after] = tf.split(tf.tensor1d(of.references), 2) as [Tensor1D, Tensor1D]
      const { loss, margin } = dpoLoss(tf, chosen, rejected, before, after, {
        beta: of.beta,
        labelSmoothing: 0,
      })
      margins = tf.keep(margin)
      return loss.mean().asScalar()
    })
    near(read(value)[0], of.loss)
    near(read(margins).reduce((a, b) => a + b, 0) / pairs, of.margin)
    nearAll(read(grads[logits.name]), of.gradient)
  })
}

test("advantages are TRL's but for the 1e-4 that it adds to the deviation", () => {
  for (const { rewards, epsilon, deviation, advantages } of fixture.groups) {
    const ours = groupAdvantages(rewards, 'sample') ?? []
    nearAll(
      ours.map((advantage) => (advantage * deviation) / (deviation + epsilon)),
      advantages,
    )
  }
})

test('TRL gives the committed numbers', { skip }, () => {
  const run = spawnSync(python, [script], { encoding: 'utf8', maxBuffer: 1e8 })
  assert.equal(run.status, 0, run.stderr)
  const again = JSON.parse(run.stdout) as Fixture
  fixture.grpo.forEach((of, i) => nearAll(again.grpo[i]?.gradient ?? [], of.gradient))
  fixture.dpo.forEach((of, i) => nearAll(again.dpo[i]?.gradient ?? [], of.gradient))
  nearAll(
    [...again.grpo, ...again.dpo].map(({ loss }) => loss),
    [...fixture.grpo, ...fixture.dpo].map(({ loss }) => loss),
  )
})

function near(got: number | undefined, want: number): void {
  assert.ok(Math.abs((got ?? NaN) - want) <= 1e-5, `${got} is not ${want}`)
}

function nearAll(got: readonly number[], want: readonly number[]): void {
  assert.equal(got.length, want.length)
  want.forEach((value, i) => near(got[i], value))
}

function read(tensor: Tensor | undefined): number[] {
  return tensor === undefined ? [] : Array.from(tensor.dataSync())
}
