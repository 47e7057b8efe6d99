import { fold, unicodeWord } from './words.ts'

/** The words of a UTF-8 text with the bytes they came from. Where one character makes several words (½, ㍿, the
 *  ligature ﷺ), each of them has the bytes of the whole character. */
export interface WordSpans {
  readonly words: readonly string[]
  readonly starts: readonly number[]
  readonly ends: readonly number[]
}

/** `words()` of the decoded text, word for word; bytes that are not UTF-8 part words, as U+FFFD does. */
export function wordSpans(text: Uint8Array): WordSpans {
  const found = { words: [] as string[], starts: [] as number[], ends: [] as number[] }
  const add = (word: string, start: number, end: number): void => {
    found.words.push(word)
    found.starts.push(start)
    found.ends.push(end)
  }
  let from = 0
  while (from < text.length) {
    while (from < text.length && isAsciiBreak(text[from] as number)) from++
    let to = from
    let ascii = true
    while (to < text.length && !isAsciiBreak(text[to] as number))
      if ((text[to++] as number) >= 0x80) ascii = false
    if (ascii && to > from) add(latin(text, from, to).toLowerCase(), from, to)
    else if (to > from)
      unicodeWords(text.subarray(from, to), (word, start, end) => add(word, from + start, from + end))
    from = to
  }
  return found
}

/** Words of a piece that stands between ASCII breaks. What `fold` makes of a text is what it makes of its clusters, one
 *  after the other, but for marks on signs: a cluster begins at a character that nothing before it can change, and
 *  behind one that makes no part of a word. */
export function unicodeWords(
  piece: Uint8Array,
  add: (word: string, start: number, end: number) => void,
): void {
  const starts: number[] = []
  const owner: number[] = []
  let folded = ''
  let cluster = ''
  let vacant = true
  const close = (): void => {
    const out = foldCluster(cluster)
    for (let i = 0; i < out.length; i++) owner.push(starts.length - 1)
    folded += out
    cluster = ''
  }
  decode(piece, (point, start) => {
    const trait = traitOf(point)
    const begins = vacant || (trait & traits.free) !== 0
    if (begins) {
      if (cluster !== '') close()
      starts.push(start)
    }
    vacant = begins && (trait & traits.vacant) !== 0
    cluster += String.fromCodePoint(point)
  })
  if (cluster !== '') close()
  starts.push(piece.length)
  for (const { 0: word, index } of folded.matchAll(unicodeWord)) {
    const last = owner[index + word.length - 1] as number
    add(word, starts[owner[index] as number] as number, starts[last + 1] as number)
  }
}

/** Short clusters come again: so many are kept. */
const mostKept = 20_000
const kept = new Map<string, string>()

function foldCluster(cluster: string): string {
  let folded = kept.get(cluster)
  if (folded !== undefined) return folded
  folded = fold(cluster)
  if (cluster.length > 8) return folded
  if (kept.size === mostKept) kept.clear()
  kept.set(cluster, folded)
  return folded
}

function latin({ buffer, byteOffset }: Uint8Array, from: number, to: number): string {
  return Buffer.from(buffer, byteOffset + from, to - from).toString('latin1')
}

function isAsciiBreak(byte: number): boolean {
  const lower = byte | 0x20
  return byte < 0x80 && !(byte >= 0x30 && byte <= 0x39) && !(lower >= 0x61 && lower <= 0x7a)
}

/** Calls back with every code point as TextDecoder reads them: a broken sequence is one U+FFFD up to where it breaks. */
function decode(bytes: Uint8Array, each: (point: number, start: number) => void): void {
  for (let at = 0; at < bytes.length;) {
    const start = at
    const lead = bytes[at++] as number
    const more = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1
    // The second byte's range shuts out long forms, surrogates and points above U+10FFFF.
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    let point = more <= 0 ? lead : lead & (0x3f >> more)
    let left = more
    for (; left > 0; left--) {
      const next = bytes[at] ?? 0
      if (next < low || next > high) break
      point = (point << 6) | (next & 0x3f)
      ;[low, high] = [0x80, 0xbf]
      at++
    }
    each(left === 0 ? point : 0xfffd, start)
  }
}

/** How a character stands to its neighbours. */
export const traits = {
  known: 1,
  /** Read the same whatever stands before it: its decomposition begins with a character that is no mark and never
   *  composes with one before it, before folding and after; nor does it vanish. */
  free: 2,
  /** No part of a word: it parts words or vanishes. */
  vacant: 4,
} as const

const known = new Uint8Array(0x110000)
let composing: Set<number> | undefined

export function traitOf(point: number): number {
  const before = known[point] as number
  if (before !== 0) return before
  const raw = String.fromCodePoint(point)
  const upper = raw.normalize('NFKC').toUpperCase()
  const vanishes = ignorable.test(raw)
  const free =
    !vanishes && [raw, upper, upper.toLowerCase()].every((form) => beginsFree(form.normalize('NFKD')))
  const vacant = vanishes || (free && !letterOrDigit.test(fold(raw)))
  return (known[point] = traits.known | (free ? traits.free : 0) | (vacant ? traits.vacant : 0))
}

const ignorable = /^(?!\u200b)\p{Default_Ignorable_Code_Point}/u
const mark = /^\p{M}/u
const letterOrDigit = /[\p{L}\p{N}]/u

function beginsFree(decomposed: string): boolean {
  composing ??= pointsThatCompose()
  return !mark.test(decomposed) && !composing.has(decomposed.codePointAt(0) as number)
}

/** Second halves of all canonical compositions: marks, Hangul vowels and finals, some vowel signs. */
function pointsThatCompose(): Set<number> {
  const found = new Set<number>()
  for (let point = 0xc0; point < 0x20000; point++) {
    if (point === 0xd800) point = 0xe000
    const raw = String.fromCodePoint(point)
    const parts = raw.normalize('NFD')
    if (parts === raw || raw.normalize('NFC') !== raw) continue
    found.add(Array.from(parts).at(-1)?.codePointAt(0) as number)
  }
  return found
}
