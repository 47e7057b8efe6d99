import { otherPaths } from './events.ts'
import { type Extract, instantiate } from './kernel.ts'
import { isWanted, type parseSelection, type Step, stepPath } from './selection.ts'

/** Lines of bytes to the texts of their wanted fields. */
export interface Extractor {
  /** Where the caller puts lines; 64 bytes behind its end belong to the extractor. */
  readonly input: Uint8Array
  /** Reads the lines of input[0, bytes), each ended by a line feed except perhaps the last: then nothing may lie behind
   *  it. The tables hold a part of
   *  the lines at a time: `rows` is called with each part. */
  readonly extract: (bytes: number, rows: (tables: RowTables) => void) => void
  /** Path of a field's node, as `messages[].content`. */
  readonly path: (node: number) => string
  /** Forgets the paths seen: what is counted by path then depends on the lines that follow alone. */
  readonly reset: () => void
}

/** Rows and fields as tables; offsets of lines and raw strings are into `input`, of texts into `memory`. */
export interface RowTables {
  readonly rowCount: number
  /** 4 a row: start, end (its line feed), first field, kind */
  readonly rows: Int32Array
  readonly fieldCount: number
  /** 5 a field: node, raw start, raw end, text start, text end. Behind each text stands a line feed, so the texts of a
   *  row are one text of lines. */
  readonly fields: Int32Array
  readonly memory: Uint8Array
}

export const rowKind = { record: 0, blank: 1, odd: 2 } as const

/** Distinct paths in one range of lines; further ones are counted together. */
const mostNodes = 1024
const [mostRows, mostFields] = [2 ** 15, 2 ** 16]
const slotCount = 4 * mostNodes
/** Longest key with a node, as in assembly/extract.ts. */
const keyBytes = 255
const mostDepth = 64
const slack = 64

/** Nodes that are always there: the record, and what has no node of its own, unwanted or (2) wanted. */
const [root, otherWanted] = [0, 2]

interface Node {
  readonly path: string
  readonly steps: readonly Step[]
  readonly wanted: boolean
}

/** An extractor for lines of up to `capacity` bytes; it takes about twice that and 6 MB. */
export function createExtractor(selection: ReturnType<typeof parseSelection>, capacity: number): Extractor {
  const at = placements(capacity)
  const { wasm, memory } = instantiate(at.end)
  wasm.layout(
    at.nodes,
    at.slots,
    slotCount,
    at.keys,
    at.rows,
    mostRows,
    at.fields,
    mostFields,
    at.stack,
    at.out,
  )
  const bytes = new Uint8Array(memory)
  const words = new Int32Array(memory)
  const tables = {
    rows: words.subarray(at.rows / 4, at.rows / 4 + 4 * mostRows),
    fields: words.subarray(at.fields / 4, at.fields / 4 + 5 * mostFields),
    memory: bytes,
  }
  const interned = internNodes(wasm, bytes, words, at, selection)
  interned.reset()
  return {
    input: bytes.subarray(at.input, at.input + capacity),
    extract(length, rows) {
      const end = at.input + length
      if (bytes[end - 1] !== 0x0a) bytes.fill(0x0a, end, end + slack)
      let from = at.input
      let first = true
      for (;;) {
        const left = wasm.extract(from, end, first)
        from = wasm.at.value
        first = left !== missed
        if (left === missed) interned.addMissed()
        else
          rows({
            ...tables,
            rowCount: wasm.rowCount.value,
            fieldCount: wasm.fieldCount.value,
          })
        if (left === allRead) return
      }
    },
    path: interned.path,
    reset: interned.reset,
  }
}

const [allRead, missed] = [0, 2]

/** Where things lie in the memory; the first 64 kB are the module's own. */
function placements(capacity: number) {
  let end = 65536
  const place = (size: number): number => {
    const start = end
    end = Math.ceil((end + size) / 64) * 64
    return start
  }
  const at = {
    nodes: place(16 * mostNodes),
    slots: place(4 * slotCount),
    keys: place(keyBytes * mostNodes),
    rows: place(16 * mostRows),
    fields: place(20 * mostFields),
    stack: place(8 * mostDepth),
    input: place(capacity + slack),
    out: place(capacity + slack),
  }
  return { ...at, end }
}

/** The paths met so far, as nodes of a tree that the module looks keys up in. */
function internNodes(
  wasm: Extract,
  bytes: Uint8Array,
  words: Int32Array,
  at: ReturnType<typeof placements>,
  selection: ReturnType<typeof parseSelection>,
) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let nodes: Node[] = []
  let keysEnd = 0
  const write = (node: Node, parent: number, key: number, length: number): void => {
    words.set([parent, key, length, node.wanted ? 1 : 0], at.nodes / 4 + 4 * nodes.length)
    nodes.push(node)
  }
  const add = (parent: number, key: Uint8Array | null): void => {
    const step = key === null ? null : decoder.decode(key)
    const { path, steps } = nodes[parent] as Node
    const below = [...steps, step]
    if (key !== null) bytes.set(key, keysEnd)
    const id = nodes.length
    write(
      { path: stepPath(path, step), steps: below, wanted: isWanted(selection, below) },
      parent,
      keysEnd,
      key === null ? -1 : key.length,
    )
    keysEnd += key?.length ?? 0
    wasm.addNode(id)
    wasm.setCrowded(nodes.length === mostNodes)
  }
  return {
    addMissed: (): void => {
      const [key, length] = [wasm.missKey.value, wasm.missBytes.value]
      add(wasm.missParent.value, length < 0 ? null : bytes.slice(key, key + length))
    },
    path: (node: number): string => (nodes[node] as Node).path,
    reset: (): void => {
      words.fill(0, at.slots / 4, at.slots / 4 + slotCount)
      nodes = []
      keysEnd = at.keys
      write({ path: '', steps: [], wanted: selection === 'all' }, -1, keysEnd, 0)
      for (const wanted of [false, true]) write({ path: otherPaths, steps: [], wanted }, -1, keysEnd, 0)
      // Wanted paths have their nodes from the start, so that no crowd of other keys can hide them.
      if (selection !== 'all') for (const path of selection) addPath(path)
      wasm.setCrowded(false)
    },
  }

  function addPath(path: readonly Step[]): void {
    let parent = root
    for (const step of path) {
      const known = nodes.findIndex(
        ({ steps }, id) =>
          id > otherWanted && steps.length > 0 && sameSteps(steps, [...(nodes[parent] as Node).steps, step]),
      )
      if (known < 0) add(parent, step === null ? null : Buffer.from(step))
      parent = known < 0 ? nodes.length - 1 : known
    }
  }
}

const sameSteps = (a: readonly Step[], b: readonly Step[]): boolean =>
  a.length === b.length && a.every((step, i) => step === b[i])
