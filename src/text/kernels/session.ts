import { FulcrumError } from '../../errors.ts'
import { unicodeWords } from '../word-spans.ts'
import { codePointTable } from './code-points.ts'
import { claim, type Kernels, openKernel, type SharedMemory } from './module.ts'

/** One kernel with a memory of its own in a shared one, and the text that it reads. */
export interface Session {
  readonly wasm: Kernels
  /** Copies a text in and begins it. */
  readonly begin: (text: Uint8Array, search: boolean, sign: boolean) => void
  /** Views of the memory; good until the next text. */
  readonly view32: (at: number, length: number) => Uint32Array
}

/** The longest text, in bytes: positions in it are 31 bits. */
const longestText = 2 ** 30
/** Zeros that stand behind a text: a block of 64 and a word of 16. */
const padding = 80

/** Opens a kernel. `slots` (a multiple of 16) and `shingle` are of the signatures it makes, 0 where it makes none. */
export function openSession(memory: SharedMemory, slots: number, shingle: number): Session {
  let bytes = new Uint8Array(memory.buffer)
  const take = (sizeBytes: number): number => {
    const at = claim(memory, sizeBytes)
    bytes = new Uint8Array(memory.buffer)
    return at
  }
  let text = 0
  let capacity = 0
  const slow = slowReader((start, end) => bytes.subarray(text + start, text + end))
  const wasm = openKernel(memory, {
    claim: take,
    codePointTable: () => {
      const table = codePointTable()
      const at = take(table.byteLength)
      new Uint32Array(memory.buffer, at, table.length).set(table)
      return at
    },
    slowWords: (start, end) => slow(wasm, start, end, (word, at) => bytes.set(word, at)),
  })
  // The layout's size does not depend on where it begins.
  const room = take(wasm.layOut(0, slots, shingle))
  wasm.layOut(room, slots, shingle)
  wasm.fillMasks(room)
  return {
    wasm,
    begin(source, search, sign) {
      if (source.length > longestText) throw tooLong(source.length)
      if (source.length + padding > capacity) {
        capacity = Math.max(2 ** 18, Math.ceil(source.length * 1.5)) + padding
        text = take(capacity)
      }
      bytes.set(source, text)
      bytes.fill(0, text + source.length, text + source.length + padding)
      wasm.begin(text, source.length, search, sign)
    },
    view32: (at, length) => new Uint32Array(memory.buffer, at, length),
  }
}

function tooLong(sizeBytes: number): FulcrumError {
  return new FulcrumError(
    'data',
    `A text of ${sizeBytes} bytes is too long to scan: the most is ${longestText}`,
    'Split it, or leave its row out',
  )
}

/** A word of a piece: normalised UTF-8, and where it was, from the piece's first byte. */
interface SlowWord {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** Pieces up to so many bytes are kept with their words, and so many of them: words of such writing come again. */
const keptPiece = 64
const mostKept = 50_000

/** Gives the kernel the words of a piece, as many as its batch takes at a time. */
function slowReader(
  piece: (start: number, end: number) => Uint8Array,
): (wasm: Kernels, start: number, end: number, write: (word: Uint8Array, at: number) => void) => number {
  const kept = new Map<string, readonly SlowWord[]>()
  let words: readonly SlowWord[] = []
  let first = 0
  let next = 0
  const read = (bytes: Uint8Array): readonly SlowWord[] => {
    if (bytes.length > keptPiece) return slowWords(bytes)
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    let found = kept.get(key)
    if (found !== undefined) return found
    found = slowWords(bytes)
    if (kept.size === mostKept) kept.clear()
    kept.set(key, found)
    return found
  }
  return (wasm, start, end, write) => {
    if (end > 0) {
      words = read(piece(start, end))
      first = start
      next = 0
    }
    for (; next < words.length && wasm.isFull() === 0; next++) {
      const word = words[next] as SlowWord
      write(word.bytes, wasm.sideRoom(word.bytes.length))
      wasm.closeSide(first + word.start, first + word.end)
    }
    return next < words.length ? 1 : 0
  }
}

const encoder = new TextEncoder()

function slowWords(piece: Uint8Array): SlowWord[] {
  const found: SlowWord[] = []
  unicodeWords(piece, (word, start, end) => found.push({ bytes: encoder.encode(word), start, end }))
  return found
}
