import { createHash } from 'node:crypto'
import { words } from '../words.ts'
import { fields, gramWords, headerBytes, magic, noGram, version, viewIndex } from './layout.ts'

/** Texts ready to be scanned for. Plain data: posted to a worker it is shared, not copied. */
export interface TextIndex {
  /** Relocatable, over a SharedArrayBuffer. */
  readonly bytes: Uint8Array
  readonly entries: number
  /** Distinct 7-grams. */
  readonly grams: number
  /** Of the indexed words: equal for equal texts, whatever built the index. */
  readonly sha256: string
}

export function buildIndex(texts: readonly string[]): TextIndex {
  const read = readTexts(texts)
  const { bytes, header } = layOut(read)
  const view = viewIndex(bytes)
  header[fields.grams] = linkGrams(view.entryStarts, view.tokenIds, view.gramIds, view.nextPlaces)
  return describe(bytes)
}

/** Takes up an index whose bytes were kept, for example in a file. */
export function openTextIndex(kept: Uint8Array): TextIndex {
  const bytes = new Uint8Array(new SharedArrayBuffer(kept.byteLength))
  bytes.set(kept)
  return describe(bytes)
}

interface ReadTexts {
  readonly entryStarts: Uint32Array
  readonly tokenIds: Uint32Array
  readonly wordStarts: Uint32Array
  readonly wordBytes: Uint8Array
}

function readTexts(texts: readonly string[]): ReadTexts {
  const ids = new Map<string, number>()
  const entryStarts = new Uint32Array(texts.length + 1)
  let tokenIds = new Uint32Array(1024)
  let tokens = 0
  texts.forEach((text, entry) => {
    const found = words(text)
    if (tokens + found.length > tokenIds.length) {
      const more = new Uint32Array(2 * (tokens + found.length))
      more.set(tokenIds)
      tokenIds = more
    }
    for (const word of found) {
      let id = ids.get(word)
      if (id === undefined) ids.set(word, (id = ids.size))
      tokenIds[tokens++] = id
    }
    entryStarts[entry + 1] = tokens
  })
  const vocabulary = [...ids.keys()]
  const wordStarts = new Uint32Array(vocabulary.length + 1)
  vocabulary.forEach((word, id) => {
    wordStarts[id + 1] = (wordStarts[id] as number) + Buffer.byteLength(word)
  })
  const wordBytes = Buffer.from(vocabulary.join(''))
  return { entryStarts, tokenIds: tokenIds.subarray(0, tokens), wordStarts, wordBytes }
}

function layOut({ entryStarts, tokenIds, wordStarts, wordBytes }: ReadTexts): {
  readonly bytes: Uint8Array
  readonly header: Uint32Array
} {
  const places: (readonly [number, number])[] = []
  let end = headerBytes
  const section = (field: number, sizeBytes: number): void => {
    places.push([field, end])
    end += (sizeBytes + 7) & ~7
  }
  section(fields.entryStarts, entryStarts.byteLength)
  section(fields.tokenIds, tokenIds.byteLength)
  section(fields.wordStarts, wordStarts.byteLength)
  section(fields.wordBytes, wordBytes.byteLength + 16)
  section(fields.gramIds, tokenIds.byteLength)
  section(fields.nextPlaces, tokenIds.byteLength)
  const buffer = new SharedArrayBuffer(end)
  const header = new Uint32Array(buffer, 0, headerBytes / 4)
  for (const [field, offset] of places) header[field] = offset
  header[fields.magic] = magic
  header[fields.version] = version
  header[fields.byteLength] = end
  header[fields.entries] = entryStarts.length - 1
  header[fields.tokens] = tokenIds.length
  header[fields.vocabulary] = wordStarts.length - 1
  const at = (field: number): number => header[field] as number
  new Uint32Array(buffer, at(fields.entryStarts)).set(entryStarts)
  new Uint32Array(buffer, at(fields.tokenIds)).set(tokenIds)
  new Uint32Array(buffer, at(fields.wordStarts)).set(wordStarts)
  const bytes = new Uint8Array(buffer)
  bytes.set(wordBytes, at(fields.wordBytes))
  return { bytes, header }
}

/** Fills gramIds and nextPlaces and counts distinct 7-grams. */
function linkGrams(
  entryStarts: Uint32Array,
  tokenIds: Uint32Array,
  gramIds: Uint32Array,
  nextPlaces: Uint32Array,
): number {
  gramIds.fill(noGram)
  nextPlaces.fill(noGram)
  const first = new Map<string, number>()
  const last = new Map<number, number>()
  for (let entry = 0; entry + 1 < entryStarts.length; entry++) {
    const end = entryStarts[entry + 1] as number
    for (let place = entryStarts[entry] as number; place + gramWords <= end; place++) {
      const key = tokenIds.slice(place, place + gramWords).join()
      const gram = first.get(key) ?? place
      if (gram === place) first.set(key, place)
      else nextPlaces[last.get(gram) as number] = place
      last.set(gram, place)
      gramIds[place] = gram
    }
  }
  return first.size
}

function describe(bytes: Uint8Array): TextIndex {
  const { header, entries, entryStarts, tokenIds, wordStarts, wordBytes } = viewIndex(bytes)
  const hash = createHash('sha256')
  for (const part of [entryStarts, tokenIds, wordStarts, wordBytes])
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  return { bytes, entries, grams: header[fields.grams] as number, sha256: hash.digest('hex') }
}
