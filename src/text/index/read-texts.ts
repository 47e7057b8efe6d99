import { words } from '../words.ts'

/** Texts as numbers: the part of an index that the rest follows from. */
export interface ReadTexts {
  /** [entries + 1] */
  readonly entryStarts: Uint32Array
  /** Vocabulary ids of the words of all texts, one after the other. */
  readonly tokenIds: Uint32Array
  /** [vocabulary + 1] */
  readonly wordStarts: Uint32Array
  readonly wordBytes: Uint8Array
}

/** Ids are given in order of first appearance. */
export function readTexts(texts: readonly string[]): ReadTexts {
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
  return {
    entryStarts,
    tokenIds: tokenIds.subarray(0, tokens),
    wordStarts,
    wordBytes: Buffer.from(vocabulary.join('')),
  }
}
