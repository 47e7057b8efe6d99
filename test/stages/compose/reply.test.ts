import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { codeReply, jsonReply, taggedReply, textReply } from '../../../src/stages/compose/reply.ts'

const number = jsonReply(z.object({ n: z.int() }))

test('JSON is found in a fence, alone, amid prose and behind thinking; of several the last that fits counts', () => {
  const found: [string, number][] = [
    ['{"n": 1}', 1],
    ['Sure!\n```json\n{"n": 2}\n```\nDone.', 2],
    ['I say {"n": 3, "why": "a } in text"} and no more.', 3],
    ['<think>{"n": 0}</think> {"n": 4}', 4],
    ['{"n": 0}\nNo, wait:\n{"n": 5}', 5],
    ['{"n": 6}\n{"m": 7}', 6],
    ['Let {x be open. {"n": 8}', 8],
    ['[see 1] {"n": 9} [2]', 9],
  ]
  for (const [text, n] of found) assert.deepEqual(number.read(text), { value: { n } }, text)
})

test('what cannot be read says why', () => {
  const refused: [string, RegExp][] = [
    ['no', /^no JSON in the answer$/],
    ['{"n": 1.5}', /^the JSON does not fit, n: /],
    ['{"n": "1"}', /does not fit, n: /],
    ['<think>{"n": 1}', /^no JSON/],
    ['{"n": 1', /^no JSON/],
    [`{"n": 1${' '.repeat(1_000_001)}}`, /characters are too many/],
  ]
  for (const [text, why] of refused) {
    const reading = number.read(text)
    assert.match('unread' in reading ? reading.unread : 'read', why)
  }
})

test('keys that nobody asked for do not come along', () => {
  const reading = number.read('{"n": 1, "__proto__": {"admin": true}, "constructor": 2}')
  assert.deepEqual(reading, { value: { n: 1 } })
  assert.equal(({} as { admin?: unknown }).admin, undefined)
})

test('text between tags is read as it stands, the last of each; a missing or empty one is said', () => {
  const tags = taggedReply(['a', 'b'])
  assert.deepEqual(tags.read('<a>x</a> <a> y\n{"<" }</a><b>2</b>'), { value: { a: 'y\n{"<" }', b: '2' } })
  assert.deepEqual(tags.read('<a>x</a><b> </b>'), { unread: 'no text between <b> and </b>' })
  assert.deepEqual(tags.read('</a>x<a><b>1</b>'), { unread: 'no text between <a> and </a>' })
})

test('code is the last fence, or all where there is none', () => {
  assert.deepEqual(codeReply.read('```js\nold\n```\nbetter:\n```js\n  x = 1\n\n```'), { value: '  x = 1' })
  assert.deepEqual(codeReply.read('x = 1\n'), { value: 'x = 1' })
  assert.deepEqual(codeReply.read('```js\nx = 1'), { unread: 'a fence is not closed' })
  assert.deepEqual(codeReply.read('```\n```'), { unread: 'no code in the answer' })
  assert.deepEqual(textReply.read('<think>a</think>\n b '), { value: 'b' })
  assert.deepEqual(textReply.read(' '), { unread: 'an empty answer' })
})

test('hostile replies are read in time that grows with their length', () => {
  const hostile = [
    '{"a":'.repeat(50_000),
    '['.repeat(300_000),
    '```a\n'.repeat(100_000),
    '"{'.repeat(200_000),
    '<a>'.repeat(200_000),
  ]
  const start = process.cpuUsage()
  for (const text of hostile) {
    assert.ok('unread' in number.read(text))
    assert.ok('unread' in taggedReply(['b']).read(text))
    codeReply.read(text)
  }
  const { user } = process.cpuUsage(start)
  assert.ok(user < 5_000_000, `${user} microseconds; quadratic searches take minutes`)
})
