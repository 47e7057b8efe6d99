import { buildIndex, type TextIndex } from './index/build.ts'
import { javascriptScanner } from './index/javascript-scanner.ts'
import { fields, viewIndex } from './index/layout.ts'
import { hasKernel } from './kernels/module.ts'
import { kernelScanner } from './kernels/scanner.ts'
import { checkShape, type Signed, type SignatureShape } from './minhash.ts'

export type { TextIndex } from './index/build.ts'
export { openTextIndex } from './index/build.ts'

/** A maximal run of words that a scanned text and an indexed text share (7 words or more). */
export interface MatchRun {
  /** Position of the indexed text in the list the index was built from. */
  readonly entry: number
  /** First word of the run in the indexed text. */
  readonly entryWord: number
  /** First word of the run in the scanned text. */
  readonly textWord: number
  /** Length in words, 7 or more. */
  readonly words: number
  /** UTF-8 bytes of the scanned text from the first byte of the first word to the end of the last. Cutting them out
   *  and splitting gives exactly these words; where a run ends inside one character that makes several words (½, ㍿),
   *  also the rest of that character's. */
  readonly byteStart: number
  readonly byteEnd: number
}

/** What one scanned text shares with the index. */
export interface TextMatches {
  /** Words of the scanned text. */
  readonly words: number
  /** In order of entry, then textWord, then entryWord. */
  readonly runs: readonly MatchRun[]
  /** Entries of fewer than 13 words whose words are exactly the scanned text's, in order. */
  readonly same: readonly number[]
}

export interface ScanOptions {
  /** How many places of one 7-gram may start a run, the first ones in entry order; a run found from any of its 7-grams
   *  is always whole. Bounds the work on n-grams that very many entries hold. 256. */
  readonly mostOwners?: number
}

/** Finds the words that texts share with an index. */
export interface TextScanner {
  /** null: shares no 7-gram and equals no short entry. The text is UTF-8; bytes that are not part words. */
  scan(text: Uint8Array): TextMatches | null
  /** Closes a document of one or more scanned texts: within it, a 7-gram counts once. */
  endDocument(): void
  /** Documents in which a 7-gram of the index was seen, by gram id; closed documents and the open one. */
  readonly documentFrequency: Uint32Array
  /** Words of all texts scanned so far. */
  readonly scannedWords: number
  /** Id of the 7-gram that starts at a word of an entry: equal n-grams have equal ids, an index into
   *  `documentFrequency`. -1 where fewer than 7 words are left. */
  gramId(entry: number, word: number): number
}

/** Indexes texts by their 7-grams, and those of fewer than 13 words by all their words; the same texts give the same
 *  bytes. */
export function buildTextIndex(texts: readonly string[]): TextIndex {
  return buildIndex(texts)
}

/** A scanner of its own for each worker; the index is shared. WASM SIMD, or JavaScript where that is missing. */
export function createTextScanner(index: TextIndex, options: ScanOptions = {}): Promise<TextScanner> {
  return Promise.resolve(open(index, options))
}

/** A scanner that also makes signatures, from the same pass over the text. */
export interface SigningScanner extends TextScanner {
  scanAndSign(text: Uint8Array): { readonly matches: TextMatches | null; readonly signed: Signed }
}

export function createSigningScanner(
  index: TextIndex,
  shape: SignatureShape,
  options: ScanOptions = {},
): Promise<SigningScanner> {
  checkShape(shape)
  return Promise.resolve(open(index, options, shape))
}

/** A licence that 5,000 items and every document hold costs three quarters of the rate at 256 owners, half at 16
 *  (test/bench/decontamination.bench.ts). */
const defaultMostOwners = 256

function open(
  index: TextIndex,
  { mostOwners = defaultMostOwners }: ScanOptions,
  shape?: SignatureShape,
): SigningScanner {
  const { header } = viewIndex(index.bytes)
  const built = (header[fields.grams] as number) === 0 || (header[fields.slots] as number) > 0
  return built && hasKernel()
    ? kernelScanner(index, mostOwners, shape)
    : javascriptScanner(index, mostOwners, shape)
}
