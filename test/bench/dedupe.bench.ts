/** Near-duplicates of a million documents, one in five an edited copy of an earlier one, from a JSONL file to the folder
 *  that `fulcrum dedupe` writes: peak memory, and what each part costs a document.
 *  `node --import ./test/bench/strip-types.js test/bench/dedupe.bench.ts [DOCUMENTS]`. */
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import minhash from 'minhash'
import { corpusFiles, openCorpus } from '../../src/stages/deduplicate/corpus.ts'
import { linkedGroups } from '../../src/stages/deduplicate/components.ts'
import { dedupeCorpus } from '../../src/stages/deduplicate/dedupe-corpus.ts'
import { checkedOptions } from '../../src/stages/deduplicate/options.ts'
import { columns, putSketch, signatureShape, sketchWidth } from '../../src/stages/deduplicate/sketch.ts'
import { WordTable } from '../../src/stages/deduplicate/word-table.ts'
import { readDedupeSummary } from '../../src/store/dedupe-summary.ts'
import { type Figure, main } from './figure.ts'

const documents = Number(process.argv.find((argument) => /^\d+$/.test(argument)) ?? 1_000_000)
const wordsEach = 60

/** A cheap stream of numbers (xorshift32). */
function stream(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Every fifth document is the one four before it with one word in fifty replaced. */
function textOf(document: number): string {
  const copied = document % 5 === 4
  const next = stream(copied ? document - 4 : document)
  const edits = stream(document + 7)
  let text = ''
  for (let i = 0; i < wordsEach; i++) {
    const word = next() % 50_000
    text += copied && edits() % 50 === 0 ? ' edited' : ` w${word.toString(36)}`
  }
  return text
}

function writeCorpus(path: string): void {
  const file = openSync(path, 'w')
  for (let from = 0; from < documents; from += 10_000) {
    let lines = ''
    for (let document = from; document < Math.min(documents, from + 10_000); document++)
      lines += `{"id":${document},"text":"${textOf(document)}"}\n`
    writeSync(file, lines)
  }
  closeSync(file)
}

const { Minhash, LshIndex } = minhash

/** Seconds a document by the npm package `minhash`, same shape, texts in memory: signing, and indexing with one query. */
function npmBaseline(): { signing: number; linking: number } {
  const texts = Array.from({ length: baselineDocuments }, (_, document) => textOf(document))
  let began = performance.now()
  const signatures = texts.map((text) => {
    const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? []
    const signature = new Minhash({ numPerm: 112 })
    for (let i = 0; i + 5 <= words.length; i++) signature.update(words.slice(i, i + 5).join(' '))
    return signature
  })
  const signing = performance.now() - began
  began = performance.now()
  const index = new LshIndex({ bandSize: 8 })
  signatures.forEach((signature, document) => {
    index.insert(String(document), signature)
    index.query(signature)
  })
  const linking = performance.now() - began
  return { signing: signing / 1000 / baselineDocuments, linking: linking / 1000 / baselineDocuments }
}

const baselineDocuments = 2000

async function bench(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-bench-'))
  try {
    const path = join(folder, 'corpus.jsonl')
    writeCorpus(path)
    const megabytes = statSync(path).size / 1e6
    const options = checkedOptions({})
    const out = join(folder, 'out')
    let began = performance.now()
    await dedupeCorpus({ corpus: [path], fields: ['text'], options, out })
    const whole = (performance.now() - began) / 1000
    const peak = process.resourceUsage().maxRSS * 1024
    const { removed, linked } = await readDedupeSummary(join(out, 'dedupe.json'))

    const corpus = openCorpus({ files: corpusFiles([path]), fields: ['text'] })
    const table = new WordTable(sketchWidth(options))
    const row = new Uint32Array(table.width)
    began = performance.now()
    for await (const signed of corpus.signed(signatureShape(options))) {
      for (let i = 0; i < signed.words.length; i++) {
        putSketch(signed, i, options, row)
        table.push(row)
      }
    }
    const signing = (performance.now() - began) / 1000
    began = performance.now()
    const firsts = table.firstOfKind(columns.content, columns.content + 4)
    const heads = firsts.filter((first, document) => first === document)
    linkedGroups(table, heads, options.bands)
    const linking = (performance.now() - began) / 1000

    const npm = npmBaseline()
    const wholeEach = whole / documents
    const linkingEach = linking / documents
    const figure = (name: string, value: number, unit: string, baseline: string, ratio: number): Figure => ({
      ...{ bench: 'dedupe', case: name, value, unit, baseline, ratio },
    })
    return [
      figure(
        `peak memory, ${documents.toLocaleString('en-US')} documents`,
        peak / 1e6,
        'MB',
        '1 GB',
        peak / 1e9,
      ),
      figure(
        'JSONL to folder',
        wholeEach * 1e6,
        'us/document',
        'npm minhash: sign, index',
        (npm.signing + npm.linking) / wholeEach,
      ),
      figure('JSONL to folder', megabytes / whole, 'MB/s', 'reading and signing alone', signing / whole),
      figure(
        'reading and signing',
        megabytes / signing,
        'MB/s',
        'npm minhash: sign in memory',
        npm.signing / (signing / documents),
      ),
      figure(
        'linking by bands',
        linkingEach * 1e6,
        'us/document',
        'npm minhash: index',
        npm.linking / linkingEach,
      ),
      figure('linked by bands', linked, 'documents', 'all', linked / documents),
      figure('removed as near', removed.near, 'documents', 'all', removed.near / documents),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main(import.meta.url, bench)
