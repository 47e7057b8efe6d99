import assert from 'node:assert/strict'
import { test } from 'node:test'
import { javascriptScanner } from '../../src/text/index/javascript-scanner.ts'
import { buildTextIndex, createTextScanner } from '../../src/text/scan.ts'

test('a word of other letters at any place of a batch leaves room for the words behind it', async () => {
  const planted = Array.from({ length: 30 }, (_, i) => `w${i}`).join(' ')
  const index = buildTextIndex([planted])
  const plain = javascriptScanner(index, 256)
  const scanner = await createTextScanner(index)
  // A batch is about a thousand words: the letter stands at its beginning, its end and between.
  for (let before = 0; before < 3000; before += 97) {
    const text = Buffer.from(
      `${'lorem '.repeat(before)}é${' amet'.repeat(1500)} ${planted} ${'sit '.repeat(700)}`,
    )
    assert.deepEqual(scanner.scan(text), plain.scan(text), `${before} words before it`)
  }
})
