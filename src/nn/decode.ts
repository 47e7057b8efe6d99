import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from '@tensorflow/tfjs'
import type { Backend, TensorFlow } from './backend.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { DecoderConfig } from './config.ts'
import {
  at,
  causalMask,
  feedForward,
  linear,
  type Parameters,
  projections,
  rmsNorm,
  type Rope,
  ropeTables,
  rotate,
} from './layers.ts'

/** A decoder that keeps keys and values. One layout serves both uses: G groups of one prompt each and n sequences a
 *  group, all n reading the prompt's keys and values in place. */
export interface Decoder {
  readonly tf: TensorFlow
  readonly config: DecoderConfig
  readonly parameters: Parameters
  /** Angles of every position, [P, D] under cos and sin. */
  readonly rope: Rope
  readonly eos: number
  dispose(): void
}

interface LayerCache {
  /** Of the prompts, right-padded: [G * K, P, D]. */
  readonly promptKeys: Tensor3D
  readonly promptValues: Tensor3D
  /** Of what was generated: [G * n * K, S, D]; null before the first token. */
  readonly keys: Tensor3D | null
  readonly values: Tensor3D | null
}

/** Everything decoded so far, and the logits of the next token. */
export interface Cache {
  readonly layers: readonly LayerCache[]
  /** Prompt length of each group. */
  readonly lengths: readonly number[]
  /** Sequences a group. */
  readonly n: number
  readonly generated: number
  /** Logits of the next token of each sequence, [G * n, V]; the reader disposes them. */
  readonly logits: Tensor2D
  dispose(): void
}

/** Copies weights to the backend. */
export function openDecoder({ tf }: Backend, { config, weights }: Checkpoint): Decoder {
  const parameters: Record<string, Variable> = {}
  for (const [name, { shape, data }] of weights) {
    parameters[name] = tf.tidy(() => tf.variable(tf.tensor(data, [...shape]), false))
  }
  const rope = ropeTables(tf, config, config.maxPositions)
  return {
    tf,
    config,
    parameters,
    rope,
    eos: config.eosTokenId,
    dispose: () => {
      tf.dispose(parameters)
      tf.dispose([rope.cos, rope.sin, rope.turn])
    },
  }
}

/** Reads every prompt once. */
export function prefill(decoder: Decoder, prompts: readonly (readonly number[])[], n: number): Cache {
  const { tf, config } = decoder
  const lengths = prompts.map((prompt) => prompt.length)
  const [groups, longest] = [prompts.length, Math.max(...lengths)]
  return build(decoder, { lengths, n, generated: 0 }, () => {
    const ids = new Int32Array(groups * longest)
    prompts.forEach((prompt, g) => ids.set(prompt, g * longest))
    const rope = ropeAt(
      decoder,
      Array.from(ids, (_, i) => i % longest),
      [groups, longest],
    )
    const mask = causalMask(tf, longest)
    const layers: LayerCache[] = []
    let x = embedded(decoder, ids)
    for (let layer = 0; layer < config.layers; layer++) {
      const [q, k, v] = normedProjections(decoder, layer, x)
      const keys = byHead(tf, rotate(tf, k.reshape([groups, longest, config.kvHeads, config.headDim]), rope))
      const values = byHead(tf, v.reshape([groups, longest, config.kvHeads, config.headDim]))
      const queries = byHead(tf, rotate(tf, q.reshape([groups, longest, config.heads, config.headDim]), rope))
      const share = config.heads / config.kvHeads
      const scores = tf
        .matMul(
          queries.reshape([groups * config.kvHeads, share * longest, config.headDim]),
          keys,
          false,
          true,
        )
        .div(Math.sqrt(config.headDim))
        .reshape([groups * config.kvHeads, share, longest, longest])
        .add(mask)
      const mixed = tf
        .matMul(tf.softmax(scores).reshape([groups * config.kvHeads, share * longest, longest]), values)
        .reshape([groups, config.heads, longest, config.headDim])
        .transpose([0, 2, 1, 3])
        .reshape([groups * longest, config.heads * config.headDim])
      x = afterAttention(decoder, layer, x, mixed as Tensor2D)
      layers.push({ promptKeys: keys, promptValues: values, keys: null, values: null })
    }
    const lastRows = lengths.flatMap((length, g) => Array<number>(n).fill(g * longest + length - 1))
    return { x: tf.gather(x, tf.tensor1d(lastRows, 'int32')), layers }
  })
}

/** Appends one token to every sequence. */
export function decodeStep(decoder: Decoder, cache: Cache, tokens: readonly number[]): Cache {
  const { tf, config } = decoder
  const { heads, kvHeads, headDim } = config
  const { n, lengths, generated } = cache
  const [groups, share] = [lengths.length, heads / kvHeads]
  const count = groups * n
  const next = build(decoder, { lengths, n, generated: generated + 1 }, () => {
    const positions = lengths.flatMap((length) => Array<number>(n).fill(length + generated))
    const rope = ropeAt(decoder, positions, [count, 1])
    // The width stays that of the longest prompt ever in the cache, also when that one has left.
    const promptMask = paddingMask(tf, lengths, kvHeads, cache.layers[0]?.promptKeys.shape[1] ?? 0)
    const layers: LayerCache[] = []
    let x = embedded(decoder, Int32Array.from(tokens))
    for (const [layer, old] of cache.layers.entries()) {
      const [q, k, v] = normedProjections(decoder, layer, x)
      const queries = rotate(tf, q.reshape([count, 1, heads, headDim]), rope).div(Math.sqrt(headDim))
      const key = rotate(tf, k.reshape([count, 1, kvHeads, headDim]), rope).reshape([
        count * kvHeads,
        1,
        headDim,
      ])
      const value = v.reshape([count * kvHeads, 1, headDim])
      const keys = (old.keys === null ? tf.clone(key) : tf.concat([old.keys, key as Tensor3D], 1)) as Tensor3D
      const values = (
        old.values === null ? tf.clone(value) : tf.concat([old.values, value as Tensor3D], 1)
      ) as Tensor3D
      // Scores against the shared prompt: all n sequences of a group in one product, [G * K, n * share, P].
      const grouped = queries
        .reshape([groups, n, kvHeads, share, headDim])
        .transpose([0, 2, 1, 3, 4])
        .reshape([groups * kvHeads, n * share, headDim])
      const onPrompt = regroup(tf, tf.matMul(grouped, old.promptKeys, false, true).add(promptMask), {
        groups,
        n,
        kvHeads,
        share,
      })
      const own = tf.matMul(queries.reshape([count * kvHeads, share, headDim]), keys, false, true)
      const weights = tf.softmax(tf.concat([onPrompt, own], 2)) // [G * n * K, share, P + S]
      const promptLength = old.promptKeys.shape[1]
      const [promptWeights, ownWeights] = tf.split(weights, [promptLength, generated + 1], 2) as [
        Tensor3D,
        Tensor3D,
      ]
      const fromPrompt = tf.matMul(
        ungroup(tf, promptWeights, { groups, n, kvHeads, share }),
        old.promptValues,
      )
      const mixed = regroup(tf, fromPrompt as Tensor3D, { groups, n, kvHeads, share }).add(
        tf.matMul(ownWeights, values),
      )
      x = afterAttention(decoder, layer, x, mixed.reshape([count, heads * headDim]))
      layers.push({ ...old, keys, values })
    }
    return { x, layers }
  })
  for (const { keys, values } of cache.layers) tf.dispose([keys, values].filter((tensor) => tensor !== null))
  return next
}

/** Drops finished sequences: with one group its sequences, with n = 1 whole groups. `rows` are those that stay. */
export function keepSequences(decoder: Decoder, cache: Cache, rows: readonly number[]): Cache {
  const { tf, config } = decoder
  const oneGroup = cache.lengths.length === 1
  const layers = cache.layers.map(({ promptKeys, promptValues, keys, values }) => {
    const take = (tensor: Tensor3D): Tensor3D =>
      tf.tidy(() => tf.gather(tensor, expanded(tf, rows, config.kvHeads)))
    const kept = {
      promptKeys: oneGroup ? promptKeys : take(promptKeys),
      promptValues: oneGroup ? promptValues : take(promptValues),
      keys: keys === null ? null : take(keys),
      values: values === null ? null : take(values),
    }
    tf.dispose([keys, values].filter((tensor) => tensor !== null))
    if (!oneGroup) tf.dispose([promptKeys, promptValues])
    return kept
  })
  const lengths = oneGroup ? cache.lengths : rows.map((row) => cache.lengths[row] as number)
  return cacheOf(tf, { ...cache, lengths, n: oneGroup ? rows.length : 1, layers })
}

/** Runs `forward` in a tidy that keeps the cache and the logits only. */
function build(
  decoder: Decoder,
  shape: Pick<Cache, 'lengths' | 'n' | 'generated'>,
  forward: () => { x: Tensor2D; layers: LayerCache[] },
): Cache {
  const { tf, config, parameters } = decoder
  let layers: LayerCache[] = []
  const logits = tf.tidy(() => {
    const out = forward()
    layers = out.layers
    for (const layer of layers)
      for (const tensor of Object.values(layer) as (Tensor | null)[]) if (tensor !== null) tf.keep(tensor)
    const normed = rmsNorm(tf, out.x, at(parameters, 'model.norm.weight'), config.normEpsilon)
    return linear(
      tf,
      normed,
      at(parameters, config.tieEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'),
    )
  })
  return cacheOf(tf, { ...shape, layers, logits })
}

function cacheOf(tf: TensorFlow, cache: Omit<Cache, 'dispose'>): Cache {
  return {
    ...cache,
    dispose: () => {
      for (const layer of cache.layers)
        tf.dispose((Object.values(layer) as (Tensor | null)[]).filter((t) => t !== null))
    },
  }
}

/** Embedding rows of ids, [N, d]. */
function embedded({ tf, parameters }: Decoder, ids: Int32Array): Tensor2D {
  const table: Tensor = at(parameters, 'model.embed_tokens.weight')
  return tf.gather(table, tf.tensor1d(ids, 'int32')) as Tensor2D
}

function normedProjections(
  { tf, config, parameters }: Decoder,
  layer: number,
  x: Tensor2D,
): [Tensor2D, Tensor2D, Tensor2D] {
  const name = `model.layers.${layer}`
  return projections(
    tf,
    config,
    parameters,
    name,
    rmsNorm(tf, x, at(parameters, `${name}.input_layernorm.weight`), config.normEpsilon),
  )
}

function afterAttention(
  { tf, config, parameters }: Decoder,
  layer: number,
  x: Tensor2D,
  mixed: Tensor2D,
): Tensor2D {
  const name = `model.layers.${layer}`
  const attended = x.add<Tensor2D>(linear(tf, mixed, at(parameters, `${name}.self_attn.o_proj.weight`)))
  const normed = rmsNorm(
    tf,
    attended,
    at(parameters, `${name}.post_attention_layernorm.weight`),
    config.normEpsilon,
  )
  return attended.add(feedForward(tf, config, parameters, name, normed))
}

interface Groups {
  readonly groups: number
  readonly n: number
  readonly kvHeads: number
  readonly share: number
}

/** [G * K, n * share, X] -> [G * n * K, share, X]. */
function regroup(tf: TensorFlow, y: Tensor, { groups, n, kvHeads, share }: Groups): Tensor3D {
  const width = y.shape.at(-1) as number
  const turned = tf.transpose(y.reshape([groups, kvHeads, n, share * width]), [0, 2, 1, 3])
  return turned.reshape([groups * n * kvHeads, share, width])
}

/** [G * n * K, share, X] -> [G * K, n * share, X]. */
function ungroup(tf: TensorFlow, y: Tensor3D, { groups, n, kvHeads, share }: Groups): Tensor3D {
  const width = y.shape[2]
  const turned = tf.transpose(y.reshape([groups, n, kvHeads, share * width]), [0, 2, 1, 3])
  return turned.reshape([groups * kvHeads, n * share, width])
}

/** [B, T, H, D] -> [B * H, T, D]. */
function byHead(tf: TensorFlow, y: Tensor): Tensor3D {
  const [batch, length, heads, dim] = y.shape as [number, number, number, number]
  return tf.transpose(y, [0, 2, 1, 3]).reshape([batch * heads, length, dim])
}

/** Tables at given positions, shaped to turn [B, T, H, D]. */
function ropeAt(
  { tf, rope, config }: Decoder,
  positions: readonly number[],
  [batch, length]: [number, number],
): Rope {
  const index = tf.tensor1d([...positions], 'int32')
  const table = (angles: Tensor): Tensor =>
    tf.gather(angles.reshape([-1, config.headDim]), index).reshape([batch, length, 1, config.headDim])
  return { cos: table(rope.cos), sin: table(rope.sin), turn: rope.turn }
}

/** [G * K, 1, P]: hides what pads the shorter prompts. */
function paddingMask(tf: TensorFlow, lengths: readonly number[], kvHeads: number, longest: number): Tensor3D {
  const mask = new Float32Array(lengths.length * kvHeads * longest)
  lengths.forEach((length, g) => {
    for (let head = 0; head < kvHeads; head++) {
      const row = (g * kvHeads + head) * longest
      mask.fill(-1e9, row + length, row + longest)
    }
  })
  return tf.tensor3d(mask, [lengths.length * kvHeads, 1, longest])
}

/** Indices of every head of the kept rows, [rows * K]. */
function expanded(tf: TensorFlow, rows: readonly number[], kvHeads: number): Tensor1D {
  return tf.tensor1d(
    rows.flatMap((row) => Array.from({ length: kvHeads }, (_, head) => row * kvHeads + head)),
    'int32',
  )
}
