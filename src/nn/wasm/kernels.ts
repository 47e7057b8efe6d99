import { kernels } from './kernels.wasm.ts'

/** What assembly/decoder.ts exports; arrays are pointers into the memory, sizes count floats. */
export interface Kernels {
  dense(
    x: number,
    w: number,
    bias: number,
    out: number,
    rows: number,
    n: number,
    m: number,
    add: boolean,
  ): void
  rmsNorm(x: number, gain: number, out: number, rows: number, d: number, epsilon: number): void
  rope(
    x: number,
    positions: number,
    cos: number,
    sin: number,
    rows: number,
    heads: number,
    dim: number,
    rotary: number,
    stride: number,
  ): void
  swiGlu(gate: number, up: number, n: number): void
  attend(
    q: number,
    out: number,
    scores: number,
    keys1: number,
    values1: number,
    count1: number,
    keys2: number,
    values2: number,
    count2: number,
    heads: number,
    kvHeads: number,
    dim: number,
  ): void
}

/** The part of WebAssembly.Memory used here; Node's types leave it to the DOM library. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number }) => WasmMemory
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: unknown } }>
}

/** Instantiates the kernels over a memory of 1 MiB that may grow to 4 GiB. */
export async function openKernels(): Promise<{ readonly wasm: Kernels; readonly memory: WasmMemory }> {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 })
  const imports = { env: { memory, abort: () => undefined } }
  const { instance } = await WebAssembly.instantiate(Buffer.from(kernels, 'base64'), imports)
  return { wasm: instance.exports as Kernels, memory }
}
