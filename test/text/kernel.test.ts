import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { compileKernels } from '../../assembly/build.ts'
import { buildIndex, type BuildOptions } from '../../src/text/index/build.ts'
import { javascriptScanner } from '../../src/text/index/javascript-scanner.ts'
import { javascriptSigner } from '../../src/text/index/javascript-signer.ts'
import { codePointTable } from '../../src/text/kernels/code-points.ts'
import { kernelScanner } from '../../src/text/kernels/scanner.ts'
import { createSigner } from '../../src/text/minhash.ts'
import {
  buildTextIndex,
  createSigningScanner,
  createTextScanner,
  openTextIndex,
} from '../../src/text/scan.ts'
import { words } from '../../src/text/words.ts'
import { hostileText } from './hostile-text.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const shape = { bands: 3, rows: 7, shingle: 4, seed: 5 }

test('the kernel that ships is what the compiler makes of its source', async () => {
  const shipped = await readFile(new URL('../../src/text/kernels/kernels.wasm.ts', import.meta.url), 'utf8')
  assert.equal(shipped, compileKernels('scan'))
})

// Hostile letters and few words, so that runs are shared; long ones pass 16 bytes and a block of 64.
const piece = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('a ', 'b, ', 'Ab\n', 'é ', 'E\u0301 ', '中', '中\u3099', '½ ', 'ß ', 'ﬁ'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('x'.repeat(17), 'y'.repeat(70), ' ', 'ж'.repeat(40), '\u00ad', '👍 '),
  },
  { weight: 1, arbitrary: hostileText },
)
const pieces = (maxLength: number): fc.Arbitrary<string> =>
  fc.array(piece, { maxLength, size: 'max' }).map((list) => list.join(''))
const cases = fc.record({
  texts: fc.array(pieces(40), { maxLength: 5, size: 'max' }),
  before: pieces(30),
  after: pieces(30),
  pick: fc.nat(),
  mostOwners: fc.constantFrom(1, 3, Infinity),
})

/** Kernel and JavaScript say the same of a text with one of the indexed texts inside, and of all its neighbours. */
function agree(options: BuildOptions, numRuns: number): number {
  let found = 0
  fc.assert(
    fc.property(cases, ({ texts, before, after, pick, mostOwners }) => {
      const index = buildIndex(texts, options)
      const kernel = kernelScanner(index, mostOwners, shape)
      const measure = javascriptScanner(buildIndex(texts, { kernel: false }), mostOwners, shape)
      const planted = texts[pick % Math.max(1, texts.length)] ?? ''
      for (const text of [before + planted + after, ...texts, before]) {
        const wanted = measure.scanAndSign(encode(text))
        assert.deepEqual(kernel.scanAndSign(encode(text)), wanted)
        assert.deepEqual(kernel.scan(encode(text)), measure.scan(encode(text)))
        found += wanted.matches === null ? 0 : 1
        if (pick % 2 === 0) for (const scanner of [kernel, measure]) scanner.endDocument()
      }
      assert.deepEqual(kernel.documentFrequency, measure.documentFrequency)
      assert.equal(kernel.scannedWords, measure.scannedWords)
      texts.forEach((text, entry) =>
        words(text).forEach((_, word) => {
          assert.equal(kernel.gramId(entry, word), measure.gramId(entry, word))
        }),
      )
    }),
    { numRuns },
  )
  return found
}

test('the kernel finds, signs and counts what plain JavaScript does', () => {
  assert.ok(agree({}, 400) > 400)
})

for (const hashBits of [0, 3, 9])
  test(`hashes of ${hashBits} bits, which collide, change nothing: words are compared`, () => {
    assert.ok(agree({ hashBits }, 100) > 100)
  })

test('bytes that are not UTF-8 are read as TextDecoder reads them', async () => {
  const lead = fc.constantFrom(
    0x20,
    0x41,
    0x7a,
    0x80,
    0xbf,
    0xc2,
    0xc3,
    0xe0,
    0xe4,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xff,
  )
  const { sign } = await createSigner(shape)
  const measure = javascriptSigner(shape)
  fc.assert(
    fc.property(fc.array(fc.oneof(lead, fc.nat(255)), { maxLength: 100, size: 'max' }), (list) => {
      const bytes = Uint8Array.from(list)
      assert.deepEqual(sign(bytes), measure.sign(bytes))
      assert.equal(
        sign(bytes).words,
        words(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)).length,
      )
    }),
    { numRuns: 2000 },
  )
})

test('every code point of the table is read as words() reads it, alone and between letters', async () => {
  const { sign } = await createSigner(shape)
  const measure = javascriptSigner(shape)
  for (let from = 0; from < 0x20000; from += 64) {
    if (from === 0x10000) from = 0x1f000
    const points = Array.from({ length: 64 }, (_, i) => String.fromCodePoint(from + i))
    const text = encode(points.map((point) => `${point} b${point}c `).join(''))
    assert.equal(sign(text).contentHash, measure.sign(text).contentHash, `from U+${from.toString(16)}`)
  }
})

test('a mark behind any break makes no word of it, so that pieces may end at breaks', () => {
  const table = codePointTable()
  const marks = ['\u0338', '\u0301', '\u0345', '\u3099', '\u0308', '\u20d2']
  table.forEach((entry, point) => {
    if (entry !== 0 || point > 0xffff || (point >= 0xd800 && point < 0xe000)) return
    for (const mark of marks)
      assert.deepEqual(words(String.fromCodePoint(point) + mark), words(mark), point.toString(16))
  })
})

test('texts longer than every buffer lose nothing: 60,000 hits, long words, long foreign pieces', () => {
  const item = 'one two three four five six seven eight nine ten'
  const text = encode(
    [
      ...Array.from({ length: 15_000 }, () => item),
      'z'.repeat(200_000),
      'ж'.repeat(200_000),
      'и\u0306'.repeat(50_000),
      '中'.repeat(9_000),
      'ก็'.repeat(3_000),
      '½'.repeat(5_000),
      item,
    ].join(' '),
  )
  const kernel = kernelScanner(buildIndex([item]), Infinity, shape)
  const measure = javascriptScanner(buildIndex([item]), Infinity, shape)
  const wanted = measure.scanAndSign(text)
  assert.equal(wanted.matches?.runs.length, 15_001)
  assert.deepEqual(kernel.scanAndSign(text), wanted)
})

test('the same texts give the same bytes, and bytes that were kept scan as before', async () => {
  const texts = ['a b c d e f g h', 'x y', 'a b c d e f g', '', 'X, y!']
  const index = buildTextIndex(texts)
  assert.deepEqual(Buffer.from(index.bytes), Buffer.from(buildTextIndex(texts).bytes))
  assert.equal(index.sha256, buildIndex(texts, { kernel: false }).sha256)
  const opened = await createTextScanner(openTextIndex(Buffer.from(index.bytes)))
  for (const text of ['… a b c d e f g h', 'x-Y', 'none of it'])
    assert.deepEqual(opened.scan(encode(text)), (await createTextScanner(index)).scan(encode(text)))
  assert.deepEqual(opened.scan(encode('x\ty'))?.same, [1, 4])
  assert.throws(() => openTextIndex(index.bytes.slice(0, 300)), { code: 'data' })
  assert.throws(() => openTextIndex(new Uint8Array(1000)), { code: 'data' })
})

test('an index of nothing, of short texts only and of empty texts finds what there is', async () => {
  assert.equal((await createTextScanner(buildTextIndex([]))).scan(encode('a b c d e f g h')), null)
  const short = await createTextScanner(buildTextIndex(['', 'Yes', '...']))
  assert.deepEqual(short.scan(encode('yes.'))?.same, [1])
  assert.equal(short.scan(encode('')), null)
  assert.equal(short.scan(encode('yes no')), null)
})

test('a worker scans with the index it was sent, which it does not copy', async () => {
  const index = buildTextIndex(['one two three four five six seven eight'])
  const scan = new URL('../../src/text/scan.ts', import.meta.url).href
  const source = `
    import { parentPort, workerData } from 'node:worker_threads'
    const { register } = await import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))})
    register()
    const { createTextScanner } = await import(${JSON.stringify(scan)})
    const scanner = await createTextScanner(workerData)
    const text = new TextEncoder().encode('x One, two three four five six seven.'.padEnd(3e6, ' z'))
    parentPort.postMessage(scanner.scan(text))
  `
  const worker = (): Worker =>
    new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: index })
  const workers = [worker(), worker()]
  try {
    const answers = await Promise.all(workers.map((one) => once(one, 'message')))
    for (const [answer] of answers as [{ runs: unknown[] }][]) assert.equal(answer.runs.length, 1)
    // Their rooms, 5 MB each, lie behind the index in the one memory, which grew.
    assert.ok(index.memory.grow(0) * 65536 > 8e6)
  } finally {
    await Promise.all(workers.map((one) => one.terminate()))
  }
})

test('signatures and matches of one pass are those of two', async () => {
  const index = buildTextIndex(['one two three four five six seven eight'])
  const both = await createSigningScanner(index, shape)
  const text = encode('and one two three four five six seven, then')
  assert.deepEqual(both.scanAndSign(text), {
    matches: (await createTextScanner(index)).scan(text),
    signed: (await createSigner(shape)).sign(text),
  })
})

test('a shape that makes no signature is refused with its values', async () => {
  await assert.rejects(
    async () => createSigner({ ...shape, bands: 0 }),
    /of 0 bands x 7 rows over shingles of 4 words, seed 5, cannot be made/,
  )
})
