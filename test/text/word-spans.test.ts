import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wordSpans } from '../../src/text/word-spans.ts'
import { words } from '../../src/text/words.ts'
import { hostileText } from './hostile-text.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

test('the words of spans are those of words(), for hostile Unicode', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      assert.deepEqual(wordSpans(encoder.encode(text)).words, words(text))
    }),
    { numRuns: 5000 },
  )
})

test('any bytes are read as TextDecoder reads them', () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x20, 0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4))
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 24 }), (list) => {
      const bytes = Uint8Array.from(list)
      assert.deepEqual(wordSpans(bytes).words, words(decoder.decode(bytes)))
    }),
    { numRuns: 5000 },
  )
})

test('cutting out the bytes of any run of words gives those words, and the rest of a character that makes several', () => {
  fc.assert(
    fc.property(hostileText, fc.nat(), fc.nat(), (text, a, b) => {
      const bytes = encoder.encode(text)
      const { words: found, starts, ends } = wordSpans(bytes)
      if (found.length === 0) return
      const [first = 0, last = 0] = [a % found.length, b % found.length].sort((x, y) => x - y)
      const run = found.slice(first, last + 1)
      const cut = words(decoder.decode(bytes.subarray(starts[first], ends[last])))
      const shared = (i: number): boolean => (starts[i] ?? Infinity) < (ends[i - 1] ?? 0)
      if (!shared(first) && !shared(last + 1)) assert.deepEqual(cut, run)
      else assert.ok(cut.some((_, k) => run.every((word, i) => cut[k + i] === word)))
    }),
    { numRuns: 5000 },
  )
})
