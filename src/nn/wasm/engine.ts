import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderConfig } from '../config.ts'
import type { Weight } from '../safetensors.ts'
import { kernels } from './kernels.wasm.ts'

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
  /** Forgets every run. */
  reset(): void
  /** Decodes the rows, in order, and returns the logits [V] after those in `wanted`; views that the next call overwrites. */
  forward(rows: readonly Row[], wanted: readonly number[]): Float32Array[]
}

interface Kernels {
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

/** The part of the WebAssembly global used here; Node's types leave it to the DOM library. */
interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number }) => WasmMemory
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: unknown } }>
}

/** Rows of one pass: bounds the activations' memory. */
const rowsPerPass = 64

const up8 = (n: number): number => Math.ceil(n / 8) * 8

/** Instantiates the kernels and packs the weights for them. */
export async function openEngine(checkpoint: Checkpoint): Promise<Engine> {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 })
  const imports = { env: { memory, abort: () => undefined } }
  const { instance } = await WebAssembly.instantiate(Buffer.from(kernels, 'base64'), imports)
  const arena = newArena(memory)
  const model = pack(checkpoint, arena)
  return engineOf(checkpoint.config, instance.exports as Kernels, arena, model)
}

interface Arena {
  /** Bytes for `count` floats, 16-byte aligned. */
  floats(count: number): number
  put(values: ArrayLike<number>): number
  mark(): number
  release(mark: number): void
  f32(at: number, count: number): Float32Array
  i32(at: number, count: number): Int32Array
}

function newArena(memory: WasmMemory): Arena {
  // The kernels have no statics; the first KiB stays free so that no pointer is 0.
  let top = 1024
  const floats = (count: number): number => {
    const at = top
    top += Math.ceil(count / 4) * 16
    const missing = top - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(Math.max(missing, memory.buffer.byteLength / 4) / 65536))
    return at
  }
  const f32 = (at: number, count: number): Float32Array => new Float32Array(memory.buffer, at, count)
  return {
    floats,
    put: (values) => {
      const at = floats(values.length)
      f32(at, values.length).set(values)
      return at
    },
    mark: () => top,
    release: (mark) => {
      top = mark
    },
    f32,
    i32: (at, count) => new Int32Array(memory.buffer, at, count),
  }
}

interface Dense {
  readonly at: number
  readonly bias: number
  readonly n: number
  /** Outputs, padded to a multiple of 8. */
  readonly m: number
}

interface Layer {
  readonly norm1: number
  readonly norm2: number
  readonly qkv: Dense
  readonly o: Dense
  readonly gateUp: readonly [Dense, Dense]
  readonly down: Dense
}

interface Packed {
  readonly embedding: number
  readonly layers: readonly Layer[]
  readonly norm: number
  readonly head: Dense
  readonly cos: number
  readonly sin: number
}

function pack({ config, weights }: Checkpoint, arena: Arena): Packed {
  const get = (name: string): Weight => weights.get(name) as Weight
  /** [out, in] matrices stacked by output, written as [in, out]. */
  const dense = (parts: readonly Weight[], biases: readonly Weight[] = []): Dense => {
    const n = parts[0]?.shape[1] as number
    const outs = parts.reduce((sum, part) => sum + (part.shape[0] as number), 0)
    const m = up8(outs)
    const packed = new Float32Array(n * m)
    let column = 0
    for (const { shape, data } of parts) {
      for (let o = 0; o < (shape[0] as number); o++, column++) {
        for (let i = 0; i < n; i++) packed[i * m + column] = data[o * n + i] as number
      }
    }
    if (biases.length === 0) return { at: arena.put(packed), bias: 0, n, m }
    const bias = new Float32Array(m)
    bias.set(biases.flatMap(({ data }) => [...data]))
    return { at: arena.put(packed), bias: arena.put(bias), n, m }
  }
  const half = (fused: Weight, from: number, to: number): Weight => {
    const n = fused.shape[1] as number
    return { shape: [to - from, n], data: fused.data.subarray(from * n, to * n) }
  }
  const layers = Array.from({ length: config.layers }, (_, layer): Layer => {
    const name = (part: string): Weight => get(`model.layers.${layer}.${part}`)
    const projections = ['q', 'k', 'v'].map((part) => `self_attn.${part}_proj`)
    const fused = config.architecture === 'phi3'
    const gateUp = fused ? name('mlp.gate_up_proj.weight') : null
    const f = config.intermediateSize
    return {
      norm1: arena.put(name('input_layernorm.weight').data),
      norm2: arena.put(name('post_attention_layernorm.weight').data),
      qkv: fused
        ? dense([name('self_attn.qkv_proj.weight')])
        : dense(
            projections.map((part) => name(`${part}.weight`)),
            config.attentionBias ? projections.map((part) => name(`${part}.bias`)) : [],
          ),
      o: dense([name('self_attn.o_proj.weight')]),
      gateUp: [
        dense([gateUp === null ? name('mlp.gate_proj.weight') : half(gateUp, 0, f)]),
        dense([gateUp === null ? name('mlp.up_proj.weight') : half(gateUp, f, 2 * f)]),
      ],
      down: dense([widened(name('mlp.down_proj.weight'), up8(f))]),
    }
  })
  const embedding = get('model.embed_tokens.weight')
  return {
    embedding: arena.put(embedding.data),
    layers,
    norm: arena.put(get('model.norm.weight').data),
    head: dense([config.tieEmbeddings ? embedding : get('lm_head.weight')]),
    ...ropeTables(config, arena),
  }
}

/** Inputs padded with zeros: gate and up are padded to the same width. */
function widened({ shape, data }: Weight, width: number): Weight {
  const [rows, n] = shape as [number, number]
  if (n === width) return { shape, data }
  const wide = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) wide.set(data.subarray(row * n, (row + 1) * n), row * width)
  return { shape: [rows, width], data: wide }
}

function ropeTables(config: DecoderConfig, arena: Arena): { cos: number; sin: number } {
  const rotary = Math.floor(config.headDim * config.rotaryShare)
  const angles = Float64Array.from({ length: (config.maxPositions * rotary) / 2 }, (_, at) => {
    const [position, i] = [Math.floor(at / (rotary / 2)), at % (rotary / 2)]
    return position / config.ropeTheta ** ((2 * i) / rotary)
  })
  return { cos: arena.put(angles.map(Math.cos)), sin: arena.put(angles.map(Math.sin)) }
}

function engineOf(config: DecoderConfig, wasm: Kernels, arena: Arena, model: Packed): Engine {
  const { hiddenSize: d, heads, kvHeads, headDim, vocabSize, layers, normEpsilon } = config
  const rotary = Math.floor(headDim * config.rotaryShare)
  const [qSize, kvSize] = [heads * headDim, kvHeads * headDim]
  const stride = model.layers[0]?.qkv.m as number
  const f = model.layers[0]?.gateUp[0].m as number
  const room = {
    x: arena.floats(rowsPerPass * d),
    normed: arena.floats(rowsPerPass * d),
    qkv: arena.floats(rowsPerPass * stride),
    mixed: arena.floats(rowsPerPass * qSize),
    gate: arena.floats(rowsPerPass * f),
    up: arena.floats(rowsPerPass * f),
    scores: arena.floats(config.maxPositions + 8),
    positions: arena.floats(rowsPerPass),
    last: arena.floats(d),
    logits: arena.floats(model.head.m),
  }
  const start = arena.mark()
  const dense = (x: number, { at, bias, n, m }: Dense, out: number, rows: number, add = false): void =>
    wasm.dense(x, at, bias, out, rows, n, m, add)

  const attention = (layer: number, rows: readonly Row[]): void => {
    const { k, v } = { k: qSize * 4, v: (qSize + kvSize) * 4 }
    const positions = arena.i32(room.positions, rows.length)
    rows.forEach((row, r) => (positions[r] = row.position))
    wasm.rope(
      room.qkv,
      room.positions,
      model.cos,
      model.sin,
      rows.length,
      heads + kvHeads,
      headDim,
      rotary,
      stride,
    )
    const bytes = new Uint8Array(arena.f32(0, 1).buffer)
    rows.forEach(({ second, secondCount }, r) => {
      const from = room.qkv + r * stride * 4
      const at = (secondCount - 1) * kvSize * 4
      bytes.copyWithin((second.keys[layer] as number) + at, from + k, from + k + kvSize * 4)
      bytes.copyWithin((second.values[layer] as number) + at, from + v, from + v + kvSize * 4)
    })
    rows.forEach(({ first, firstCount, second, secondCount }, r) =>
      wasm.attend(
        room.qkv + r * stride * 4,
        room.mixed + r * qSize * 4,
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

  const pass = (rows: readonly Row[]): void => {
    const count = rows.length
    const embedding = arena.f32(model.embedding, vocabSize * d)
    const x = arena.f32(room.x, count * d)
    rows.forEach(({ id }, r) => x.set(embedding.subarray(id * d, (id + 1) * d), r * d))
    for (const [layer, { norm1, norm2, qkv, o, gateUp, down }] of model.layers.entries()) {
      wasm.rmsNorm(room.x, norm1, room.normed, count, d, normEpsilon)
      dense(room.normed, qkv, room.qkv, count)
      attention(layer, rows)
      dense(room.mixed, o, room.x, count, true)
      wasm.rmsNorm(room.x, norm2, room.normed, count, d, normEpsilon)
      dense(room.normed, gateUp[0], room.gate, count)
      dense(room.normed, gateUp[1], room.up, count)
      wasm.swiGlu(room.gate, room.up, count * f)
      dense(room.gate, down, room.x, count, true)
    }
  }

  return {
    eos: config.eosTokenId,
    maxPositions: config.maxPositions,
    empty: { keys: Array<number>(layers).fill(0), values: Array<number>(layers).fill(0) },
    newRun: (positions) => ({
      keys: Array.from({ length: layers }, () => arena.floats(positions * kvSize)),
      values: Array.from({ length: layers }, () => arena.floats(positions * kvSize)),
    }),
    reset: () => arena.release(start),
    forward: (rows, wanted) => {
      const logits: Float32Array[] = []
      for (let at = 0; at < rows.length; at += rowsPerPass) {
        const part = rows.slice(at, at + rowsPerPass)
        pass(part)
        const here = wanted.filter((row) => row >= at && row < at + rowsPerPass)
        for (const row of here) {
          wasm.rmsNorm(room.x + (row - at) * d * 4, model.norm, room.last, 1, d, normEpsilon)
          dense(room.last, model.head, room.logits, 1)
          logits.push(arena.f32(room.logits, vocabSize).slice())
        }
      }
      return logits
    },
  }
}
