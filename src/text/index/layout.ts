import { FulcrumError } from '../../errors.ts'

/** N-gram lengths: 7 words are looked up; runs of 13 show themselves as seven 7-grams in a row. */
export const gramWords = 7
/** Entries below this many words are also found by all their words. */
export const shortEntryWords = 13
/** In `grams`: no 7-gram starts here. */
export const noGram = 0xffffffff

/** The index's blob: a header of 64 u32 and sections at multiples of 8 bytes; offsets count from its start. The first
 *  four sections are the texts; the others follow from them. */
export const fields = {
  magic: 0,
  version: 1,
  byteLength: 2,
  entries: 3,
  tokens: 4,
  vocabulary: 5,
  grams: 6,
  hashBits: 7,
  filterWords: 8,
  slots: 9,
  shortSlots: 10,
  entryStarts: 16, // u32[entries + 1]: first token of each entry
  tokenIds: 17, // u32[tokens]: words of all entries, one after the other, as vocabulary ids
  wordStarts: 18, // u32[vocabulary + 1]: where a word's bytes begin
  wordBytes: 19, // normalised UTF-8, padded by 16 bytes
  gramIds: 20, // u32[tokens]: first place of the 7-gram that starts at a token, which is its id
  nextPlaces: 21, // u32[tokens]: next place of the same 7-gram, or noGram
  shortNext: 22, // u32[entries]: next short entry of the same words, or noGram
  shortTable: 23, // u64[shortSlots]: tag << 32 | first entry + 1
  filter5: 24, // u64[filterWords]
  filter7: 25, // u64[filterWords]
  table: 26, // u64[slots]: tag << 32 | gram id + 1
} as const

export const headerBytes = 256
export const magic = 0x31585446 // "FTX1"
export const version = 1

/** Views of the sections that the JavaScript side reads. */
export interface IndexView {
  readonly header: Uint32Array
  readonly entries: number
  readonly tokens: number
  readonly entryStarts: Uint32Array
  readonly tokenIds: Uint32Array
  readonly wordStarts: Uint32Array
  readonly wordBytes: Uint8Array
  readonly gramIds: Uint32Array
  readonly nextPlaces: Uint32Array
  readonly shortNext: Uint32Array
}

/** Reads a blob; refuses bytes that are not one. */
export function viewIndex(bytes: Uint8Array): IndexView {
  const broken = (what: string): FulcrumError =>
    new FulcrumError('data', `The text index ${what}`, 'Delete the cached index; it is built again')
  if (bytes.byteLength < headerBytes || bytes.byteOffset % 8 !== 0) throw broken('is cut short')
  const header = new Uint32Array(bytes.buffer, bytes.byteOffset, headerBytes / 4)
  if (header[fields.magic] !== magic || header[fields.version] !== version)
    throw broken('was written by another version')
  if (header[fields.byteLength] !== bytes.byteLength) throw broken('is cut short')
  const at = (field: number): number => header[field] as number
  const u32 = (field: number, length: number): Uint32Array =>
    new Uint32Array(bytes.buffer, bytes.byteOffset + at(field), length)
  const wordStarts = u32(fields.wordStarts, at(fields.vocabulary) + 1)
  return {
    header,
    entries: at(fields.entries),
    tokens: at(fields.tokens),
    entryStarts: u32(fields.entryStarts, at(fields.entries) + 1),
    tokenIds: u32(fields.tokenIds, at(fields.tokens)),
    wordStarts,
    wordBytes: bytes.subarray(at(fields.wordBytes), at(fields.wordBytes) + (wordStarts.at(-1) as number)),
    gramIds: u32(fields.gramIds, at(fields.tokens)),
    nextPlaces: u32(fields.nextPlaces, at(fields.tokens)),
    shortNext: u32(fields.shortNext, at(fields.entries)),
  }
}

/** The entry that holds a token. */
export function entryAt({ entryStarts }: IndexView, token: number): number {
  let [low, high] = [0, entryStarts.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((entryStarts[middle] as number) <= token) low = middle
    else high = middle
  }
  return low
}
