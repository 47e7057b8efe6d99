import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderConfig } from '../config.ts'
import type { Weight } from '../safetensors.ts'
import type { Arena } from './arena.ts'

/** A matrix [n, m] as the dense kernel reads it; pointers, a bias of 0 being none. */
export interface Dense {
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
  readonly gate: Dense
  readonly up: Dense
  readonly down: Dense
}

/** A model in the kernels' memory and layout. */
export interface Packed {
  readonly embedding: number
  readonly layers: readonly Layer[]
  readonly norm: number
  readonly head: Dense
  /** Floats from one row of queries, keys and values to the next. */
  readonly stride: number
  /** Floats of one row between gate and down. */
  readonly width: number
  /** RoPE tables [P, rotary / 2], for the first `rotary` dimensions of a head. */
  readonly cos: number
  readonly sin: number
  readonly rotary: number
}

/** Copies a checkpoint's weights: [out, in] becomes the kernels' tiles of 8 outputs. */
export function pack(checkpoint: Checkpoint, arena: Arena): Packed {
  const { config, weights } = checkpoint
  const get = (name: string): Weight => weights.get(name) as Weight
  const layers = Array.from({ length: config.layers }, (_, layer) =>
    packLayer(config, (part) => get(`model.layers.${layer}.${part}`), arena),
  )
  const embedding = get('model.embed_tokens.weight')
  return {
    layers,
    embedding: arena.put(embedding.data),
    norm: arena.put(get('model.norm.weight').data),
    head: dense(arena, [config.tieEmbeddings ? embedding : get('lm_head.weight')]),
    stride: layers[0]?.qkv.m as number,
    width: layers[0]?.gate.m as number,
    ...ropeTables(config, arena),
  }
}

function packLayer(config: DecoderConfig, get: (part: string) => Weight, arena: Arena): Layer {
  const f = config.intermediateSize
  const { qkv, biases, gate, up } = config.architecture === 'phi3' ? fusedParts(get, f) : parts(config, get)
  return {
    norm1: arena.put(get('input_layernorm.weight').data),
    norm2: arena.put(get('post_attention_layernorm.weight').data),
    qkv: dense(arena, qkv, biases),
    o: dense(arena, [get('self_attn.o_proj.weight')]),
    gate: dense(arena, [gate]),
    up: dense(arena, [up]),
    down: dense(arena, [widened(get('mlp.down_proj.weight'), up8(f))]),
  }
}

interface Parts {
  readonly qkv: readonly Weight[]
  readonly biases: readonly Weight[]
  readonly gate: Weight
  readonly up: Weight
}

function parts({ attentionBias }: DecoderConfig, get: (part: string) => Weight): Parts {
  const projections = ['q', 'k', 'v'].map((part) => `self_attn.${part}_proj`)
  return {
    qkv: projections.map((part) => get(`${part}.weight`)),
    biases: attentionBias ? projections.map((part) => get(`${part}.bias`)) : [],
    gate: get('mlp.gate_proj.weight'),
    up: get('mlp.up_proj.weight'),
  }
}

/** Phi-3 has queries, keys and values in one matrix, and gate above up in another. */
function fusedParts(get: (part: string) => Weight, f: number): Parts {
  const { shape, data } = get('mlp.gate_up_proj.weight')
  const n = shape[1] as number
  return {
    qkv: [get('self_attn.qkv_proj.weight')],
    biases: [],
    gate: { shape: [f, n], data: data.subarray(0, f * n) },
    up: { shape: [f, n], data: data.subarray(f * n, 2 * f * n) },
  }
}

/** [out, in] matrices stacked by output, written in tiles of 8 outputs, [m / 8, in, 8]. */
function dense(arena: Arena, stacked: readonly Weight[], biases: readonly Weight[] = []): Dense {
  const n = stacked[0]?.shape[1] as number
  const m = up8(stacked.reduce((sum, { shape }) => sum + (shape[0] as number), 0))
  const packed = new Float32Array(n * m)
  let column = 0
  for (const { shape, data } of stacked) {
    for (let o = 0; o < (shape[0] as number); o++, column++) {
      const at = Math.floor(column / 8) * n * 8 + (column % 8)
      for (let i = 0; i < n; i++) packed[at + i * 8] = data[o * n + i] as number
    }
  }
  if (biases.length === 0) return { at: arena.put(packed), bias: 0, n, m }
  const bias = new Float32Array(m)
  bias.set(biases.flatMap(({ data }) => [...data]))
  return { at: arena.put(packed), bias: arena.put(bias), n, m }
}

const up8 = (n: number): number => Math.ceil(n / 8) * 8

/** Inputs padded with zeros: gate and up are padded to the same width. */
function widened({ shape, data }: Weight, width: number): Weight {
  const [rows, n] = shape as [number, number]
  if (n === width) return { shape, data }
  const wide = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) wide.set(data.subarray(row * n, (row + 1) * n), row * width)
  return { shape: [rows, width], data: wide }
}

function ropeTables(config: DecoderConfig, arena: Arena): { cos: number; sin: number; rotary: number } {
  const rotary = Math.floor(config.headDim * config.rotaryShare)
  const angles = Float64Array.from({ length: (config.maxPositions * rotary) / 2 }, (_, at) => {
    const [position, i] = [Math.floor(at / (rotary / 2)), at % (rotary / 2)]
    return position / config.ropeTheta ** ((2 * i) / rotary)
  })
  return { cos: arena.put(angles.map(Math.cos)), sin: arena.put(angles.map(Math.sin)), rotary }
}
