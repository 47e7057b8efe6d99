/** Text in memory against an index, and signatures, one thread: `npm run bench:decontamination`. Rates are bytes over
 *  CPU time, the best of several passes: other work on the machine disturbs them least so. Text is generated. */
import { createSigner, fineWebShape } from '../../src/text/minhash.ts'
import {
  buildTextIndex,
  createSigningScanner,
  createTextScanner,
  type TextIndex,
} from '../../src/text/scan.ts'
import { benchmarkTexts } from './benchmark-texts.ts'
import { type Figure, main } from './figure.ts'
import { textMaker } from './generated-text.ts'
import { naiveScan, npmSign } from './scan-baselines.ts'

const maker = textMaker(1)
const encoder = new TextEncoder()
const documents = 6000
const wordsEach = 500
const passes = 5

const encoded = (texts: readonly string[]): Uint8Array[] => texts.map((text) => encoder.encode(text))
const plain = Array.from({ length: documents }, () => maker.text(wordsEach))
const corpus = encoded(plain)
const few = plain.slice(0, 400)

/** MB/s of CPU time, the best of the passes after one to warm up. */
function rate(texts: readonly Uint8Array[], pass: () => void, times = passes): number {
  const bytes = texts.reduce((sum, text) => sum + text.length, 0)
  pass()
  let best = 0
  for (let i = 0; i < times; i++) best = Math.max(best, bytes / 1e6 / seconds(pass))
  return best
}

function seconds(work: () => void): number {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

async function scanRate(
  index: TextIndex,
  texts: readonly Uint8Array[],
  mostOwners?: number,
): Promise<number> {
  const scanner = await createTextScanner(index, mostOwners === undefined ? {} : { mostOwners })
  return rate(texts, () => {
    for (const text of texts) {
      scanner.scan(text)
      scanner.endDocument()
    }
  })
}

const bench = 'decontamination'
const figure = (name: string, value: number, unit: string, baseline: string, of: number): Figure => ({
  bench,
  case: name,
  value,
  unit,
  baseline,
  ratio: value / of,
})

async function measure(): Promise<Figure[]> {
  const { name, texts } = benchmarkTexts(maker)
  const index = buildTextIndex(texts)
  const naive = (lengths: number[]): number => {
    const find = naiveScan(texts, lengths)
    return rate(encoded(few), () => few.forEach(find), 3)
  }
  const scan = await scanRate(index, corpus)
  const rule = naive([7, 13])
  const sevens = naive([7])
  const figures = [
    figure(`scan, ${name}`, scan, 'MB/s', `split and Map, 7- and 13-grams (${rule.toFixed(1)} MB/s)`, rule),
    figure('the same', scan, 'MB/s', `split and Map, 7-grams alone (${sevens.toFixed(1)} MB/s)`, sevens),
    figure(
      `index of the same, ${index.grams} 7-grams`,
      index.bytes.length / index.grams,
      'B/7-gram',
      '30 B',
      30,
    ),
    ...(await signatures(index, scan)),
    ...(await contaminated(texts, index, scan)),
    ...(await boilerplate(texts, scan)),
    ...(await writing(index, scan)),
    ...(await sizes(scan)),
  ]
  return figures
}

async function signatures(index: TextIndex, scan: number): Promise<Figure[]> {
  const npm = rate(encoded(few.slice(0, 40)), () => few.slice(0, 40).forEach(npmSign), 2)
  const { sign } = await createSigner(fineWebShape)
  const both = await createSigningScanner(index, fineWebShape)
  const signed = rate(corpus, () => corpus.forEach(sign))
  const pass = rate(corpus, () => {
    for (const text of corpus) both.scanAndSign(text)
  })
  const apart = 1 / (1 / scan + 1 / signed)
  return [
    figure('signatures, 14 x 8', signed, 'MB/s', `npm minhash, 112 slots (${npm.toFixed(2)} MB/s)`, npm),
    figure('scan and signatures in one pass', pass, 'MB/s', 'one after the other', apart),
  ]
}

/** Whole items inside every so many documents. */
async function contaminated(texts: readonly string[], index: TextIndex, scan: number): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const share of [0.01, 0.1, 0.5, 1]) {
    const docs = plain.map((text, i) =>
      Math.floor(i * share) === Math.floor((i - 1) * share)
        ? text
        : `${text} ${texts[i % texts.length] ?? ''}`,
    )
    const value = await scanRate(index, encoded(docs))
    figures.push(figure(`${share * 100} % of documents hold an item`, value, 'MB/s', 'none does', scan))
  }
  return figures
}

/** A licence of 120 words that 5,000 items and every document hold. */
async function boilerplate(texts: readonly string[], scan: number): Promise<Figure[]> {
  const licence = maker.text(120)
  const items = Array.from({ length: 5000 }, (_, i) => `${texts[i % texts.length] ?? ''} ${licence}`)
  const index = buildTextIndex(items)
  const docs = encoded(plain.map((text) => `${text} ${licence}`))
  const figures: Figure[] = []
  for (const owners of [16, 256, 5000])
    figures.push(
      figure(
        `a licence in every document and 5,000 items, ${owners} owners at most`,
        await scanRate(index, owners > 256 ? docs.slice(0, 300) : docs, owners),
        'MB/s',
        'no licence',
        scan,
      ),
    )
  return figures
}

/** Other than plain ASCII. */
async function writing(index: TextIndex, scan: number): Promise<Figure[]> {
  const kinds: Record<string, (text: string) => string> = {
    'typographic quotes and dashes, one word in 20': (text) =>
      text.replaceAll(', ', '\u2019s \u2014 ').replaceAll('-', '\u2013'),
    'accented, one word in 4': (text) => text.replaceAll(/e\b/g, 'é').replaceAll('oo', 'ö'),
    Cyrillic: (text) => text.replaceAll(/[a-z]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 97 + 0x430)),
    'accents as marks, one word in 8: JavaScript folds them': (text) => text.replaceAll(/e\b/g, 'e\u0301'),
    'vowel signs in every word: JavaScript folds all': (text) =>
      text.replaceAll(/[a-z]/g, (c) =>
        String.fromCharCode(
          c.charCodeAt(0) - 97 + ('aeiou'.includes(c) ? 0x93e - (c > 'i' ? 10 : 0) : 0x915),
        ),
      ),
    'ideographs, no spaces': (text) =>
      text.replaceAll(/[a-z ]/gi, (c) => String.fromCharCode(c.charCodeAt(0) * 7 + 0x4e00)),
  }
  const figures: Figure[] = []
  for (const [kind, write] of Object.entries(kinds))
    figures.push(
      figure(kind, await scanRate(index, encoded(plain.slice(0, 2000).map(write))), 'MB/s', 'ASCII', scan),
    )
  return figures
}

/** Items of 105 words of the corpus's own vocabulary. */
async function sizes(scan: number): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const items of [1000, 10_000, 100_000]) {
    const texts = Array.from({ length: items }, () => maker.text(105))
    let index: TextIndex | undefined
    const build = seconds(() => (index = buildTextIndex(texts)))
    const { grams, bytes } = index as unknown as TextIndex
    const millions = `${(grams / 1e6).toFixed(1)} M 7-grams`
    const value = await scanRate(index as unknown as TextIndex, corpus)
    figures.push(
      figure(`scan, ${millions}`, value, 'MB/s', 'benchmark index', scan),
      figure(`index of ${millions}`, bytes.length / grams, 'B/7-gram', '30 B', 30),
      figure(`building an index of ${millions}`, grams / build / 1e6, 'M 7-grams/s', '1 M/s', 1),
    )
  }
  return figures
}

await main(import.meta.url, measure)
