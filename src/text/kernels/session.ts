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

/** Gives the kernel the words of a piece, as many as its batch takes at a time. */
function slowReader(
  piece: (start: number, end: number) => Uint8Array,
): (wasm: Kernels, start: number, end: number, write: (word: Uint8Array, at: number) => void) => number {
  const encoder = new TextEncoder()
  let words: (readonly [word: string, start: number, end: number])[] = []
  let next = 0
  return (wasm, start, end, write) => {
    if (end > 0) {
      words = []
      next = 0
      unicodeWords(piece(start, end), (word, from, to) => words.push([word, start + from, start + to]))
    }
    for (; next < words.length && wasm.isFull() === 0; next++) {
      const [word, from, to] = words[next] as (typeof words)[number]
      const bytes = encoder.encode(word)
      const at = wasm.sideRoom(bytes.length)
      write(bytes, at)
      wasm.closeSide(from, to)
    }
    return next < words.length ? 1 : 0
  }
}
