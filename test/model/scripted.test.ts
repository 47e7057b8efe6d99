import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FulcrumError } from '../../src/errors.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { tokenizer } from './http-setup.ts'

const options = { n: 2, temperature: 1, topP: 1, topK: 0, maxTokens: 20, seed: 5 }
const prompt = { kind: 'text', text: 'q' } as const

test('answers are computed from prompt, sample number and options, and calls are recorded', async () => {
  const model = scriptedModel({ complete: (asked, i, { seed }) => `${asked.kind} ${i} ${seed}` })
  const completions = await model.sample(prompt, options)
  assert.deepEqual(
    completions.map(({ text }) => text),
    ['text 0 5', 'text 1 5'],
  )
  assert.deepEqual(model.calls, [{ prompt, options }])
  assert.deepEqual([completions[0]?.tokenIds, completions[0]?.finishReason], [null, 'stop'])
})

test('queued answers are taken in launch order, and an empty queue says so', async () => {
  const model = scriptedModel({ id: 'teacher', complete: ['a', { text: 'b', finishReason: 'length' }, 'c'] })
  const first = await model.sample(prompt, options)
  assert.deepEqual(
    first.map(({ text, finishReason }) => [text, finishReason]),
    [
      ['a', 'stop'],
      ['b', 'length'],
    ],
  )
  await assert.rejects(model.sample(prompt, options), (error) => {
    assert.ok(error instanceof FulcrumError)
    assert.match(error.message, /teacher was asked for completion 4 and has 3/)
    return true
  })
})

test('with a tokenizer answers have ids with their end token, and long ones are cut', async () => {
  const model = scriptedModel({ tokenizer, complete: ['four', 'twenty-one characters'] })
  const [whole, cut] = await model.sample(prompt, options)
  assert.deepEqual(whole?.tokenIds, [...tokenizer.encode('four'), tokenizer.eos.id])
  assert.deepEqual(
    [cut?.text, cut?.finishReason, cut?.tokenIds?.length],
    ['twenty-one character', 'length', 20],
  )
  assert.equal(model.capabilities.tokenIdsOut, true)
})

test('without a score function scoring is refused', async () => {
  const score = { temperature: 1, topP: 1, topK: 0, from: 1 }
  await assert.rejects(scriptedModel({ complete: [] }).score([1, 2], score), /cannot score/)
  assert.deepEqual(
    await scriptedModel({ complete: [], score: (ids) => ids.map(() => -1) }).score([7], score),
    [{ logprob: -1, entropy: null, isGreedy: null }],
  )
})
