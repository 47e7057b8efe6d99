import { kernels } from './extract.wasm.ts'

/** What assembly/extract.ts exports. */
export interface Extract {
  layout(
    nodes: number,
    slots: number,
    slotCount: number,
    keys: number,
    rows: number,
    mostRows: number,
    fields: number,
    mostFields: number,
    stack: number,
    out: number,
  ): void
  extract(from: number, end: number, first: boolean): number
  addNode(id: number): void
  setCrowded(crowded: boolean): void
  readonly at: Global
  readonly rowCount: Global
  readonly fieldCount: Global
  readonly missParent: Global
  readonly missKey: Global
  readonly missBytes: Global
}

/** The parts of WebAssembly used here; Node's types leave it to the DOM library. */
interface Global {
  readonly value: number
}
interface Memory {
  readonly buffer: ArrayBuffer
}
declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number }) => Memory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

let compiled: object | undefined

/** An instance of the module over a memory of its own. */
export function instantiate(bytes: number): { wasm: Extract; memory: ArrayBuffer } {
  compiled ??= new WebAssembly.Module(Buffer.from(kernels, 'base64'))
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) })
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory, abort: () => undefined } })
  return { wasm: exports as Extract, memory: memory.buffer }
}
