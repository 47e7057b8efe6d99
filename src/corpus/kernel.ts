import { extractModule } from './extract.wasm.ts'

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
  readonly instantiate: (bytes: Uint8Array, imports: object) => Promise<{ instance: { exports: unknown } }>
}

/** An instance of the module over a memory of its own. */
export async function instantiate(bytes: number): Promise<{ wasm: Extract; memory: ArrayBuffer }> {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) })
  const imports = { env: { memory, abort: () => undefined } }
  const { instance } = await WebAssembly.instantiate(Buffer.from(extractModule, 'base64'), imports)
  return { wasm: instance.exports as Extract, memory: memory.buffer }
}
