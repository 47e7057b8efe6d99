import { createHash } from 'node:crypto'
import {
  blobStart,
  claimUpTo,
  hasKernel,
  newMemory,
  openKernel,
  type SharedMemory,
} from '../kernels/module.ts'
import { fields, headerBytes, magic, shortEntryWords, version, viewIndex } from './layout.ts'
import { linkGrams } from './link-grams.ts'
import { readTexts, type ReadTexts } from './read-texts.ts'

/** Texts ready to be scanned for. Plain data: posted to a worker it is shared, not copied. */
export interface TextIndex {
  /** Relocatable, over a SharedArrayBuffer. */
  readonly bytes: Uint8Array
  /** The memory that `bytes` lie in, where scanners add theirs. */
  readonly memory: SharedMemory
  readonly entries: number
  /** Distinct 7-grams. */
  readonly grams: number
  /** Of the indexed words: equal for equal texts, whatever built the index. */
  readonly sha256: string
}

export interface BuildOptions {
  /** Bits of each n-gram's hash that are used: fewer than 64 only to test that equal hashes are told apart. */
  readonly hashBits?: number
  /** Whether to build the kernel's tables; by default where it runs. */
  readonly kernel?: boolean
}

/** 10 bits a key and 3 of them set: 3 % of other n-grams pass. */
const filterBits = 10
/** Full slots of the table of 7-grams. The filter in front of it turns most misses away. */
const load = 0.8

export function buildIndex(texts: readonly string[], options: BuildOptions = {}): TextIndex {
  const { hashBits = 64, kernel = hasKernel() } = options
  const read = readTexts(texts)
  const tokens = read.tokenIds.length
  const entries = texts.length
  const header = new Uint32Array(headerBytes / 4)
  header.set([magic, version, 0, entries, tokens, read.wordStarts.length - 1, 0, hashBits])
  const end = place(header, headerBytes, [
    [fields.entryStarts, read.entryStarts.byteLength],
    [fields.tokenIds, 4 * tokens],
    [fields.wordStarts, read.wordStarts.byteLength],
    [fields.wordBytes, read.wordBytes.byteLength + 16],
    [fields.gramIds, 4 * tokens],
    [fields.nextPlaces, 4 * tokens],
    [fields.shortNext, 4 * entries],
  ])
  const scratchSlots = Math.ceil(tokens * 1.4) + 1
  const scratchBytes = 8 * scratchSlots + 4 * tokens + 1024
  const tableBytes = (tokens * (2 * filterBits + 64 / load)) / 8 + 16 * entries + 4096
  const memory = newMemory(end + Math.ceil(Math.max(scratchBytes, tableBytes)))
  writeTexts(memory, header, end, read)
  if (kernel) fill(memory, header, end, scratchSlots)
  else {
    header[fields.grams] = linkGrams(viewIndex(new Uint8Array(memory.buffer, blobStart, end)))
    writeHeader(memory, header, end)
  }
  return describe(memory)
}

/** Takes up an index whose bytes were kept, for example in a file. */
export function openTextIndex(kept: Uint8Array): TextIndex {
  const memory = newMemory(kept.byteLength)
  const bytes = new Uint8Array(memory.buffer, blobStart, kept.byteLength)
  bytes.set(kept)
  viewIndex(bytes)
  return describe(memory)
}

/** Gives sections their places, one after the other, and returns where they end. */
function place(header: Uint32Array, from: number, sections: readonly (readonly [number, number])[]): number {
  let end = from
  for (const [field, sizeBytes] of sections) {
    header[field] = end
    end = Math.ceil((end + sizeBytes) / 8) * 8
  }
  return end
}

function writeHeader({ buffer }: SharedMemory, header: Uint32Array, end: number): void {
  header[fields.byteLength] = end
  new Uint32Array(buffer, blobStart).set(header)
}

function writeTexts(memory: SharedMemory, header: Uint32Array, end: number, read: ReadTexts): void {
  const at = (field: number): number => blobStart + (header[field] as number)
  const { buffer } = memory
  writeHeader(memory, header, end)
  new Uint32Array(buffer, at(fields.entryStarts)).set(read.entryStarts)
  new Uint32Array(buffer, at(fields.tokenIds)).set(read.tokenIds)
  new Uint32Array(buffer, at(fields.wordStarts)).set(read.wordStarts)
  new Uint8Array(buffer, at(fields.wordBytes)).set(read.wordBytes)
}

/** Links equal 7-grams, sizes the tables by how many there are, and fills them. */
function fill(memory: SharedMemory, header: Uint32Array, tables: number, scratchSlots: number): void {
  const wasm = openKernel(memory, { claim: unused, codePointTable: unused, slowWords: unused })
  const { entryStarts, entries } = viewIndex(new Uint8Array(memory.buffer, blobStart, tables))
  const top = blobStart + tables
  const links = work(top + 8 * scratchSlots)
  wasm.openIndex(blobStart)
  wasm.fillMasks(links.masks)
  const grams = wasm.linkGrams(top, scratchSlots, links.last, links.ring, links.masks)
  new Uint8Array(memory.buffer, top).fill(0)

  let short = 0
  for (let entry = 0; entry < entries; entry++)
    if ((entryStarts[entry + 1] as number) - (entryStarts[entry] as number) < shortEntryWords) short++
  header[fields.grams] = grams
  header[fields.filterWords] = Math.ceil((grams * filterBits) / 64)
  header[fields.slots] = grams === 0 ? 0 : Math.ceil(grams / load) + 1
  header[fields.shortSlots] = short === 0 ? 0 : Math.ceil(short * 1.5) + 1
  const filterBytes = 8 * (header[fields.filterWords] as number)
  const end = place(header, tables, [
    [fields.shortTable, 8 * (header[fields.shortSlots] as number)],
    [fields.filter5, filterBytes],
    [fields.filter7, filterBytes],
    [fields.table, 8 * (header[fields.slots] as number)],
  ])
  writeHeader(memory, header, end)
  const tail = work(blobStart + end)
  wasm.openIndex(blobStart)
  wasm.fillMasks(tail.masks)
  wasm.fillTables(tail.last, tail.ring, tail.masks)
}

/** Scratch of the kernel's builders: a ring of 8 u64, 17 masks of 16 bytes, and u32 from there on. */
function work(at: number): { readonly ring: number; readonly masks: number; readonly last: number } {
  return { ring: at, masks: at + 64, last: at + 512 }
}

const unused = (): never => {
  throw new Error('building an index reads no text')
}

function describe(memory: SharedMemory): TextIndex {
  const sizeBytes = new Uint32Array(memory.buffer, blobStart)[fields.byteLength] as number
  const bytes = new Uint8Array(memory.buffer, blobStart, sizeBytes)
  const { header, entries, entryStarts, tokenIds, wordStarts, wordBytes } = viewIndex(bytes)
  claimUpTo(memory, blobStart + sizeBytes)
  const hash = createHash('sha256')
  for (const part of [entryStarts, tokenIds, wordStarts, wordBytes])
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  return { bytes, memory, entries, grams: header[fields.grams] as number, sha256: hash.digest('hex') }
}
