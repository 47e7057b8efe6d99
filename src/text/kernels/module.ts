import { FulcrumError } from '../../errors.ts'
import { kernels } from './kernels.wasm.ts'

/** What assembly/scan.ts exports; positions and sizes are bytes of the memory. */
export interface Kernels {
  openIndex(blob: number): void
  fillMasks(masks: number): void
  linkGrams(scratch: number, scratchSlots: number, last: number, ring: number, masks: number): number
  fillTables(last: number, ring: number, masks: number): void
  layOut(at: number, slots: number, shingle: number): number
  begin(text: number, length: number, search: boolean, sign: boolean): void
  advance(): number
  hitsAt(): number
  hitsFound(): number
  wordsRead(): number
  equalEntry(): number
  isFull(): number
  sideRoom(sizeBytes: number): number
  closeSide(start: number, end: number): void
  slotHashes(): number
  signatureAt(): number
  contentUpper(): bigint
  contentLower(): bigint
}

/** What the kernel asks of JavaScript. */
export interface KernelImports {
  /** A piece of memory for good. */
  readonly claim: (sizeBytes: number) => number
  readonly codePointTable: () => number
  readonly slowWords: (start: number, end: number) => number
}

/** Memory that threads share; posted to a worker it is the same memory. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer
  grow(pages: number): number
}

declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number; shared: true }) => SharedMemory
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { exports: unknown }
  validate(bytes: Uint8Array): boolean
}

const pageBytes = 65536
const mostPages = 65536
/** The first 64 bytes of a memory: u32, the first byte nobody has claimed. */
export const blobStart = 64

let compiled: object | undefined

/** Whether this machine runs the kernel. */
export function hasKernel(): boolean {
  return compiled !== undefined || WebAssembly.validate(Buffer.from(kernels, 'base64'))
}

/** A kernel of its own over a memory that others may use too. */
export function openKernel(memory: SharedMemory, imports: KernelImports): Kernels {
  compiled ??= new WebAssembly.Module(Buffer.from(kernels, 'base64'))
  return new WebAssembly.Instance(compiled, { env: { memory, ...imports } }).exports as Kernels
}

/** A memory of which so many bytes from `blobStart` are taken. */
export function newMemory(sizeBytes: number): SharedMemory {
  const initial = pagesOf(blobStart + sizeBytes)
  const memory = new WebAssembly.Memory({ initial, maximum: mostPages, shared: true })
  new Uint32Array(memory.buffer, 0, 1)[0] = roundUp(blobStart + sizeBytes)
  return memory
}

/** Sets the first byte that nobody has claimed, before any thread claims one. */
export function claimUpTo(memory: SharedMemory, end: number): void {
  new Uint32Array(memory.buffer, 0, 1)[0] = roundUp(end)
}

/** Takes a piece of a memory for good, whatever other threads take. */
export function claim(memory: SharedMemory, sizeBytes: number): number {
  const start = Atomics.add(new Uint32Array(memory.buffer, 0, 1), 0, roundUp(sizeBytes))
  const wanted = pagesOf(start + sizeBytes)
  const more = wanted - memory.grow(0)
  if (more > 0) memory.grow(more)
  return start
}

function pagesOf(sizeBytes: number): number {
  const pages = Math.ceil(sizeBytes / pageBytes)
  if (pages < mostPages) return pages
  throw new FulcrumError(
    'data',
    `A text index and its scanners need ${sizeBytes} bytes of memory, and 4 GiB is the most`,
    'Index fewer texts at a time and scan in several passes',
  )
}

function roundUp(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 64) * 64
}
