import type { Checkpoint } from './checkpoint.ts'
import type { DecoderConfig } from './config.ts'
import type { Weight } from './safetensors.ts'

/** Logits [T][V] of one sequence in plain float64 loops: what every backend is checked against. */
export function referenceLogits({ config, weights }: Checkpoint, ids: readonly number[]): Float64Array[] {
  const get = (name: string): Weight => weights.get(name) as Weight
  const embedding = get('model.embed_tokens.weight')
  const d = config.hiddenSize
  const rows = ids.map((id) => Float64Array.from(embedding.data.subarray(id * d, (id + 1) * d)))
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`
    const normed = rows.map((x) => norm(x, get(`${name}.input_layernorm.weight`), config.normEpsilon))
    const attended = attend(
      config,
      normed.map((x, position) => project(config, get, name, x, position)),
    )
    attended.forEach((x, t) => add(rows[t] as Float64Array, dense(x, get(`${name}.self_attn.o_proj.weight`))))
    for (const x of rows) add(x, feedForward(config, get, name, x))
  }
  const head = config.tieEmbeddings ? embedding : get('lm_head.weight')
  return rows.map((x) => dense(norm(x, get('model.norm.weight'), config.normEpsilon), head))
}

type Get = (name: string) => Weight

interface Projected {
  readonly q: Float64Array
  readonly k: Float64Array
  readonly v: Float64Array
}

function project(
  config: DecoderConfig,
  get: Get,
  name: string,
  x: Float64Array,
  position: number,
): Projected {
  const [qSize, kvSize] = [config.heads * config.headDim, config.kvHeads * config.headDim]
  const one = (which: string): Float64Array => {
    const y = dense(x, get(`${name}.self_attn.${which}_proj.weight`))
    if (config.attentionBias) add(y, Float64Array.from(get(`${name}.self_attn.${which}_proj.bias`).data))
    return y
  }
  const fused = config.architecture === 'phi3' ? dense(x, get(`${name}.self_attn.qkv_proj.weight`)) : null
  const q = fused?.slice(0, qSize) ?? one('q')
  const k = fused?.slice(qSize, qSize + kvSize) ?? one('k')
  const v = fused?.slice(qSize + kvSize) ?? one('v')
  return { q: rope(config, q, position), k: rope(config, k, position), v }
}

function rope(config: DecoderConfig, y: Float64Array, position: number): Float64Array {
  const rotary = Math.floor(config.headDim * config.rotaryShare)
  const half = rotary / 2
  const out = y.slice()
  for (let head = 0; head < y.length; head += config.headDim) {
    for (let i = 0; i < half; i++) {
      const angle = position / config.ropeTheta ** ((2 * i) / rotary)
      const [a, b] = [y[head + i] as number, y[head + i + half] as number]
      out[head + i] = a * Math.cos(angle) - b * Math.sin(angle)
      out[head + i + half] = b * Math.cos(angle) + a * Math.sin(angle)
    }
  }
  return out
}

function attend(config: DecoderConfig, rows: readonly Projected[]): Float64Array[] {
  const { heads, kvHeads, headDim } = config
  return rows.map(({ q }, t) => {
    const out = new Float64Array(heads * headDim)
    for (let head = 0; head < heads; head++) {
      const kv = Math.floor(head / (heads / kvHeads)) * headDim
      const scores = rows
        .slice(0, t + 1)
        .map(({ k }) => dot(q, head * headDim, k, kv, headDim) / Math.sqrt(headDim))
      const highest = Math.max(...scores)
      const masses = scores.map((score) => Math.exp(score - highest))
      const total = masses.reduce((a, b) => a + b, 0)
      masses.forEach((mass, s) => {
        const { v } = rows[s] as Projected
        for (let i = 0; i < headDim; i++) {
          out[head * headDim + i] =
            (out[head * headDim + i] as number) + (mass / total) * (v[kv + i] as number)
        }
      })
    }
    return out
  })
}

function feedForward(config: DecoderConfig, get: Get, name: string, x: Float64Array): Float64Array {
  const normed = norm(x, get(`${name}.post_attention_layernorm.weight`), config.normEpsilon)
  const fused = config.architecture === 'phi3' ? dense(normed, get(`${name}.mlp.gate_up_proj.weight`)) : null
  const gate = fused?.slice(0, config.intermediateSize) ?? dense(normed, get(`${name}.mlp.gate_proj.weight`))
  const up = fused?.slice(config.intermediateSize) ?? dense(normed, get(`${name}.mlp.up_proj.weight`))
  return dense(
    gate.map((g, i) => (g / (1 + Math.exp(-g))) * (up[i] as number)),
    get(`${name}.mlp.down_proj.weight`),
  )
}

function norm(x: Float64Array, gain: Weight, epsilon: number): Float64Array {
  const scale = 1 / Math.sqrt(dot(x, 0, x, 0, x.length) / x.length + epsilon)
  return x.map((value, i) => value * scale * (gain.data[i] as number))
}

/** weight [out, in] times x [in]. */
function dense(x: Float64Array, { shape, data }: Weight): Float64Array {
  return new Float64Array(shape[0] as number).map((_, row) => dot(x, 0, data, row * x.length, x.length))
}

function dot(
  a: Float64Array,
  from: number,
  b: Float64Array | Float32Array,
  at: number,
  length: number,
): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += (a[from + i] as number) * (b[at + i] as number)
  return sum
}

function add(to: Float64Array, y: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + (y[i] as number)
}
