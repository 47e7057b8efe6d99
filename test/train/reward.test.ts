import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  accuracyReward,
  publishedLengths,
  repetitionReward,
  type Response,
  rewardOf,
  scaledLengths,
  thinksWell,
} from '../../src/train/reward.ts'

const near = (got: number, want: number, by = 5e-7): void =>
  assert.ok(Math.abs(got - want) <= by, `${got} is not ${want}`)
const response = (over: Partial<Response>): Response => ({
  text: '<think> it is so </think> 4',
  length: 100,
  ended: true,
  correct: true,
  ...over,
})
const accuracy = (over: Partial<Response>, require = true): number =>
  accuracyReward(response(over), publishedLengths, require)

test('the accuracy reward has its published values', () => {
  const correct: [number, number][] = [
    [0, 1],
    [25_600, 1],
    [27_136, 0.926777],
    [28_672, 0.75],
    [30_208, 0.573223],
    [31_744, 0.5],
    [40_000, 0.5],
  ]
  for (const [length, want] of correct) near(accuracy({ length }), want)
  const wrong: [number, number][] = [
    [0, -1],
    [1_851, -0.75],
    [3_702, -0.5],
    [9_000, -0.5],
  ]
  for (const [length, want] of wrong) near(accuracy({ length, correct: false }), want)
})

test('no end costs a correct response its reward, and a broken thinking block goes before that', () => {
  assert.equal(accuracy({ ended: false }), -0.5)
  assert.equal(accuracy({ text: '<think> on and on', ended: false }), -1)
  assert.equal(accuracy({ text: 'no thought' }), -1)
  assert.equal(accuracy({ text: 'no thought' }, false), 1)
})

test('a thinking block is one opening and one closing tag in this order', () => {
  for (const text of ['<think></think>', 'so <think> a </think> b']) assert.ok(thinksWell(text, true), text)
  for (const text of [
    '<think>',
    '</think>',
    '</think><think>',
    '<think><think></think>',
    '<think></think></think>',
  ]) {
    assert.ok(!thinksWell(text, false), text)
  }
})

test('the reward is 8/13 of accuracy and 1/13 of repetition, 0.615 at best', () => {
  near(rewardOf(response({}), publishedLengths, true).reward, 8 / 13)
  near(rewardOf(response({ correct: false, length: 3_702 }), publishedLengths, true).reward, -4 / 13)
  const loop = '<think> a b c d e </think>' + ' x y z u v'.repeat(6)
  const { reward, repetition } = rewardOf(response({ text: loop }), publishedLengths, true)
  assert.ok(repetition < 0)
  near(reward, (8 + repetition) / 13)
})

test('repetition: six times a 5-gram counts, five times do not', () => {
  assert.equal(repetitionReward('a b c d e '.repeat(5)), 0)
  // 30 words, 26 5-grams of 5 kinds: "a b c d e" and "b c d e a" .. once fewer, so 1 of 5 is over 5; 6 / (30 / 5) = 1.
  assert.equal(repetitionReward('a b c d e '.repeat(6)), -1)
  // 6 of one kind among 100 words: 6 / 20.
  const words = Array.from({ length: 100 }, (_, i) => `w${i}`)
  for (let at = 0; at < 6; at++) words.splice(at * 16, 5, 'a', 'b', 'c', 'd', 'e')
  near(repetitionReward(words.join(' ')), -0.3)
  // One word 200 times: one kind of 5-gram, all of it over: clipped at -1.
  assert.equal(repetitionReward('no '.repeat(200)), -1)
})

test('whatever the text, repetition lies in [-1, 0] and the reward in [-9/13, 8/13]', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.nat(400),
      fc.boolean(),
      fc.boolean(),
      fc.nat(30),
      (word, length, ended, correct, times) => {
        const text = `${word} `.repeat(times)
        const of = rewardOf({ text, length, ended, correct }, scaledLengths(200), false)
        assert.ok(of.repetition <= 0 && of.repetition >= -1)
        assert.ok(of.reward <= 8 / 13 && of.reward >= -9 / 13)
      },
    ),
  )
})

test('lengths scaled to the published longest response are the published ones', () => {
  assert.deepEqual(scaledLengths(31_744), publishedLengths)
  assert.deepEqual(scaledLengths(96), { free: 77, most: 96, wrong: 11 })
})
