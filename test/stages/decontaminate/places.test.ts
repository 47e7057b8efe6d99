import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { spanInRecord } from '../../../src/corpus/span.ts'
import { distinctNgrams } from '../../../src/stages/decontaminate/distinct.ts'
import { spanMapper } from '../../../src/stages/decontaminate/audit/record-span.ts'
import { placedTexts, valueAt } from '../../../src/stages/decontaminate/places.ts'
import { cachedTextIndex } from '../../../src/store/index-cache.ts'
import { ngrams } from '../../fixtures/ngrams.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-places-'))
after(() => rm(folder, { recursive: true, force: true }))

test('a trace begins at its tag or where a template opened it, and lasts to the end where nothing closes it', () => {
  const of = (text: string) => placedTexts({}, 'completion', text).map((part) => [part.place, part.text])
  assert.deepEqual(of('no trace'), [['answer', 'no trace']])
  assert.deepEqual(of('<think>a</think>b'), [
    ['trace', 'a'],
    ['answer', 'b'],
  ])
  assert.deepEqual(of('a</think>b'), [
    ['trace', 'a'],
    ['answer', 'b'],
  ])
  assert.deepEqual(of('so <think>a'), [
    ['answer', 'so '],
    ['trace', 'a'],
  ])
  const text = 'é<think>ü</think>ö'
  for (const part of placedTexts({}, 'text', text))
    assert.ok(Buffer.from(text).subarray(part.byteStart).toString().startsWith(part.text))
})

test('roles and names of fields say what part of a record a text is', () => {
  const record = {
    messages: [
      { role: 'user', content: '' },
      { from: 'gpt', value: '' },
    ],
    'a "key".x': ['t'],
  }
  const place = (path: string) => placedTexts(record, path, 'x')[0]?.place
  const places = [
    'messages[0].content',
    'messages[1].value',
    'reasoning_content',
    'text',
    '["a \\"key\\".x"][0]',
  ]
  assert.deepEqual(places.map(place), ['prompt', 'answer', 'trace', 'text', 'text'])
  assert.equal(valueAt(record, '["a \\"key\\".x"][0]'), 't')
  assert.equal(valueAt(record, '__proto__.x'), undefined)
})

test('spans of many runs are those of one after the other', () => {
  const texts = fc.array(
    fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom('\n', '"', '\\', '😀', 'é')),
    { maxLength: 20 },
  )
  fc.assert(
    fc.property(texts, fc.boolean(), (parts, escapesAll) => {
      const text = Buffer.from(parts.join('')).toString()
      const json = JSON.stringify(text).slice(1, -1)
      const raw = Buffer.from(
        escapesAll
          ? json.replace(
              /[\u0080-\uffff]/g,
              (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
            )
          : json,
      )
      const at = spanMapper(raw)
      const field = { byteStart: 0, byteEnd: raw.length }
      let byte = 0
      for (const sign of text) {
        const size = Buffer.byteLength(sign)
        const { byteStart, byteEnd } = spanInRecord(raw, field, byte, byte + size)
        assert.deepEqual([at(byte), at(byte + size)], [byteStart, byteEnd])
        byte += size
      }
    }),
    { numRuns: 300 },
  )
})

test('distinct n-grams are counted exactly', () => {
  const words = fc.array(fc.constantFrom('a', 'b', 'ab', 'ba'), { maxLength: 60 })
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 8 }), (text, n) => {
      assert.equal(distinctNgrams(text, n), new Set(ngrams(text, n)).size)
    }),
  )
})

test('an index is kept by content, taken up again, and made anew where the file is damaged', async () => {
  const texts = ['one two three four five six seven eight', 'short']
  const options = { folder, leastCharacters: 0 }
  const first = await cachedTextIndex(texts, options)
  const second = await cachedTextIndex(texts, options)
  assert.deepEqual([first.fromCache, second.fromCache], [false, true])
  assert.equal(second.index.sha256, first.index.sha256)
  const [name = ''] = await readdir(folder)
  await writeFile(join(folder, name), 'damaged beyond recognition, and longer than a hash')
  assert.equal((await cachedTextIndex(texts, options)).fromCache, false)
  assert.equal((await cachedTextIndex([...texts, 'more'], options)).fromCache, false)
  assert.equal((await cachedTextIndex(['tiny'], { folder })).fromCache, false)
  assert.equal((await readdir(folder)).length, 2, 'what is built at once is not kept')
})
