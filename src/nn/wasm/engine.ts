import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderConfig } from '../config.ts'
import { type Arena, newArena } from './arena.ts'
import { type Kernels, openKernels } from './kernels.ts'
import { type Dense, pack, type Packed } from './packing.ts'

/** Keys and values of consecutive positions, every layer: pointers into the engine's memory. */
export interface Run {
  readonly keys: readonly number[]
  readonly values: readonly number[]
}

/** One token to decode. It looks at `firstCount` positions of one run and then `secondCount` of another, and writes
 *  its own keys and values at the end of the second. */
export interface Row {
  readonly id: number
  readonly position: number
  readonly first: Run
  readonly firstCount: number
  readonly second: Run
  readonly secondCount: number
}

export interface Engine {
  readonly eos: number
  readonly maxPositions: number
  readonly empty: Run
  newRun(positions: number): Run
  /** Where the first run begins. */
  readonly bottom: number
  /** Where the next run will begin. */
  readonly mark: () => number
  /** Forgets the runs that begin at a mark or above. */
  readonly release: (mark: number) => void
  /** Puts other weights of the same shapes where the old ones lay; forgets every run. */
  setWeights(weights: Checkpoint['weights']): void
  /** Decodes the rows, in order, and returns the logits [V] after those in `wanted`; views that the next call overwrites. */
  forward(rows: readonly Row[], wanted: readonly number[]): Float32Array[]
  /** Bytes below the first run, and the most above it so far. */
  readonly memory: () => { readonly model: number; readonly keysAndValues: number }
}

/** Rows of one pass: bounds the activations' memory. */
const rowsPerPass = 64

/** Instantiates the kernels and packs the weights for them. `beforePass` is called before each pass of up to 64 rows. */
export async function openEngine(checkpoint: Checkpoint, beforePass: () => void): Promise<Engine> {
  const { wasm, memory } = await openKernels()
  const arena = newArena(memory)
  const bottom = arena.mark()
  const model = pack(checkpoint, arena)
  const work = {
    config: checkpoint.config,
    wasm,
    arena,
    model,
    room: newRoom(checkpoint.config, arena, model),
    beforePass,
  }
  const start = arena.mark()
  let peak = start
  const { layers, kvHeads, headDim, eosTokenId, maxPositions } = checkpoint.config
  const newRun = (positions: number): number[] =>
    Array.from({ length: layers }, () => arena.floats(positions * kvHeads * headDim))
  return {
    eos: eosTokenId,
    maxPositions,
    empty: { keys: Array<number>(layers).fill(0), values: Array<number>(layers).fill(0) },
    newRun: (positions) => {
      const run = { keys: newRun(positions), values: newRun(positions) }
      peak = Math.max(peak, arena.mark())
      return run
    },
    bottom: start,
    mark: arena.mark,
    release: arena.release,
    memory: () => ({ model: start, keysAndValues: peak - start }),
    setWeights: (weights) => {
      // Equal shapes are packed to equal places.
      arena.release(bottom)
      pack({ config: checkpoint.config, weights }, arena)
      arena.release(start)
    },
    forward: (rows, wanted) => forward(work, rows, wanted),
  }
}

/** Where activations lie: [rowsPerPass, ..] each, but `scores` [P] of one row. */
interface Room {
  readonly x: number
  readonly normed: number
  readonly qkv: number
  readonly mixed: number
  readonly gate: number
  readonly up: number
  readonly positions: number
  readonly scores: number
  readonly last: number
  readonly logits: number
}

/** All that a pass works with. */
interface Work {
  readonly config: DecoderConfig
  readonly wasm: Kernels
  readonly arena: Arena
  readonly model: Packed
  readonly room: Room
  readonly beforePass: () => void
}

function newRoom(
  { hiddenSize, heads, headDim, maxPositions }: DecoderConfig,
  arena: Arena,
  { stride, width, head }: Packed,
): Room {
  return {
    x: arena.floats(rowsPerPass * hiddenSize),
    normed: arena.floats(rowsPerPass * hiddenSize),
    qkv: arena.floats(rowsPerPass * stride),
    mixed: arena.floats(rowsPerPass * heads * headDim),
    gate: arena.floats(rowsPerPass * width),
    up: arena.floats(rowsPerPass * width),
    positions: arena.floats(rowsPerPass),
    scores: arena.floats(maxPositions + 8),
    last: arena.floats(rowsPerPass * hiddenSize),
    logits: arena.floats(rowsPerPass * head.m),
  }
}

function forward(work: Work, rows: readonly Row[], wanted: readonly number[]): Float32Array[] {
  const { config, wasm, arena, model, room } = work
  const { hiddenSize: d, vocabSize, normEpsilon } = config
  const logits: Float32Array[] = []
  for (let at = 0; at < rows.length; at += rowsPerPass) {
    work.beforePass()
    pass(work, rows.slice(at, at + rowsPerPass))
    const here = wanted.filter((row) => row >= at && row < at + rowsPerPass)
    here.forEach((row, i) => {
      wasm.rmsNorm(room.x + (row - at) * d * 4, model.norm, room.last + i * d * 4, 1, d, normEpsilon)
    })
    dense(wasm, room.last, model.head, room.logits, here.length)
    for (let i = 0; i < here.length; i++) {
      logits.push(arena.f32(room.logits + i * model.head.m * 4, vocabSize).slice())
    }
  }
  return logits
}

/** Takes up to rowsPerPass rows through every layer; their last hidden states stay in room.x. */
function pass(work: Work, rows: readonly Row[]): void {
  const { config, wasm, arena, model, room } = work
  const { hiddenSize: d, vocabSize, normEpsilon } = config
  const count = rows.length
  const embedding = arena.f32(model.embedding, vocabSize * d)
  const x = arena.f32(room.x, count * d)
  rows.forEach(({ id }, r) => x.set(embedding.subarray(id * d, (id + 1) * d), r * d))
  for (const [layer, { norm1, norm2, qkv, o, gate, up, down }] of model.layers.entries()) {
    wasm.rmsNorm(room.x, norm1, room.normed, count, d, normEpsilon)
    dense(wasm, room.normed, qkv, room.qkv, count)
    attention(work, layer, rows)
    dense(wasm, room.mixed, o, room.x, count, true)
    wasm.rmsNorm(room.x, norm2, room.normed, count, d, normEpsilon)
    dense(wasm, room.normed, gate, room.gate, count)
    dense(wasm, room.normed, up, room.up, count)
    wasm.swiGlu(room.gate, room.up, count * model.width)
    dense(wasm, room.gate, down, room.x, count, true)
  }
}

/** x [rows, n] times a packed matrix, into `out` [rows, m], or added to it. */
function dense(wasm: Kernels, x: number, by: Dense, out: number, rows: number, add = false): void {
  wasm.dense(x, by.at, by.bias, out, rows, by.n, by.m, add)
}

/** Turns queries and keys, appends keys and values to each row's second run, and mixes: room.qkv to room.mixed. */
function attention({ config, wasm, arena, model, room }: Work, layer: number, rows: readonly Row[]): void {
  const { heads, kvHeads, headDim } = config
  const { cos, sin, rotary, stride } = model
  const positions = arena.i32(room.positions, rows.length)
  rows.forEach((row, r) => (positions[r] = row.position))
  wasm.rope(room.qkv, room.positions, cos, sin, rows.length, heads + kvHeads, headDim, rotary, stride)
  // A row of room.qkv is q [heads * D], k and v [kvHeads * D], 4 bytes a float.
  const [qBytes, kvBytes] = [heads * headDim * 4, kvHeads * headDim * 4]
  const bytes = arena.bytes()
  rows.forEach(({ second, secondCount }, r) => {
    const k = room.qkv + r * stride * 4 + qBytes
    const v = k + kvBytes
    const end = (secondCount - 1) * kvBytes
    bytes.copyWithin((second.keys[layer] as number) + end, k, k + kvBytes)
    bytes.copyWithin((second.values[layer] as number) + end, v, v + kvBytes)
  })
  rows.forEach(({ first, firstCount, second, secondCount }, r) =>
    wasm.attend(
      room.qkv + r * stride * 4,
      room.mixed + r * qBytes,
      room.scores,
      first.keys[layer] as number,
      first.values[layer] as number,
      firstCount,
      second.keys[layer] as number,
      second.values[layer] as number,
      secondCount,
      heads,
      kvHeads,
      headDim,
    ),
  )
}
