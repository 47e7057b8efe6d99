import { z } from 'zod'
import { FulcrumError } from '../errors.ts'

/** A decoder of the llama family: RMSNorm, rotate-half RoPE, grouped-query attention, SwiGLU. */
export interface DecoderConfig {
  readonly architecture: 'llama' | 'qwen2' | 'phi3'
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly ropeTheta: number
  /** Share of each head's dimensions that RoPE turns (phi3 calls it partial_rotary_factor); 1 is all. */
  readonly rotaryShare: number
  readonly normEpsilon: number
  readonly tieEmbeddings: boolean
  /** Biases on the q, k, v projections (qwen2). */
  readonly attentionBias: boolean
  readonly maxPositions: number
  readonly eosTokenId: number
  readonly bosTokenId: number | null
}

const size = z.int().positive()
const huggingFace = z.object({
  model_type: z.enum(['llama', 'qwen2', 'phi3']),
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: z.unknown().optional(),
  rope_parameters: z
    .looseObject({ rope_theta: z.number().positive().nullish(), rope_type: z.string().nullish() })
    .nullish(),
  partial_rotary_factor: z.number().positive().max(1).nullish(),
  rms_norm_eps: z.number().positive(),
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  hidden_act: z.literal('silu').nullish(),
  max_position_embeddings: size,
  sliding_window: z.number().nullish(),
  use_sliding_window: z.boolean().nullish(),
  eos_token_id: z.union([z.int(), z.array(z.int()).min(1)]),
  bos_token_id: z.int().nullish(),
})

/** Reads a Hugging Face config.json; every mistake is listed at once. `where` names the file in messages. */
export function parseConfig(json: unknown, where: string): DecoderConfig {
  const parsed = huggingFace.safeParse(json)
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`)
    throw new FulcrumError(
      'model',
      `${where} is not a config this decoder can run: ${mistakes.join('; ')}`,
      'Use a llama, qwen2 or phi3 model in Hugging Face layout, or serve the model and give its URL.',
    )
  }
  const hf = parsed.data
  refuseUnsupported(hf, where)
  const eos = hf.eos_token_id
  return {
    architecture: hf.model_type,
    vocabSize: hf.vocab_size,
    hiddenSize: hf.hidden_size,
    intermediateSize: hf.intermediate_size,
    layers: hf.num_hidden_layers,
    heads: hf.num_attention_heads,
    kvHeads: hf.num_key_value_heads ?? hf.num_attention_heads,
    headDim: hf.head_dim ?? hf.hidden_size / hf.num_attention_heads,
    ropeTheta: hf.rope_parameters?.rope_theta ?? hf.rope_theta ?? 10000,
    rotaryShare: hf.partial_rotary_factor ?? 1,
    normEpsilon: hf.rms_norm_eps,
    tieEmbeddings: hf.tie_word_embeddings ?? false,
    attentionBias: hf.model_type === 'qwen2',
    maxPositions: hf.max_position_embeddings,
    eosTokenId: typeof eos === 'number' ? eos : (eos[0] ?? 0),
    bosTokenId: hf.bos_token_id ?? null,
  }
}

/** What would run but give wrong numbers is refused. */
function refuseUnsupported(hf: z.infer<typeof huggingFace>, where: string): void {
  const found: string[] = []
  const ropeType = hf.rope_parameters?.rope_type ?? 'default'
  if (ropeType !== 'default' || (hf.rope_scaling !== null && hf.rope_scaling !== undefined))
    found.push('scaled RoPE')
  if (hf.model_type === 'llama' && (hf.attention_bias === true || hf.mlp_bias === true))
    found.push('llama biases')
  if (hf.use_sliding_window === true) found.push('sliding-window attention')
  if (found.length > 0) {
    throw new FulcrumError(
      'model',
      `${where} asks for ${found.join(', ')}`,
      'Serve this model and give its URL instead.',
    )
  }
}

const classNames = { llama: 'LlamaForCausalLM', qwen2: 'Qwen2ForCausalLM', phi3: 'Phi3ForCausalLM' }

/** The config.json that transformers and vLLM load. */
export function writeConfig(config: DecoderConfig): Record<string, unknown> {
  return {
    architectures: [classNames[config.architecture]],
    model_type: config.architecture,
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    hidden_act: 'silu',
    rope_theta: config.ropeTheta,
    rope_parameters: {
      rope_type: 'default',
      rope_theta: config.ropeTheta,
      partial_rotary_factor: config.rotaryShare,
    },
    partial_rotary_factor: config.rotaryShare,
    rms_norm_eps: config.normEpsilon,
    tie_word_embeddings: config.tieEmbeddings,
    max_position_embeddings: config.maxPositions,
    eos_token_id: config.eosTokenId,
    bos_token_id: config.bosTokenId,
    pad_token_id: config.eosTokenId,
    torch_dtype: 'float32',
  }
}

/** Name and shape of every tensor the architecture needs, Hugging Face names, [out, in]. */
export function tensorShapes(config: DecoderConfig): Map<string, readonly number[]> {
  const { hiddenSize: d, intermediateSize: f, headDim, heads, kvHeads } = config
  const shapes = new Map<string, readonly number[]>([['model.embed_tokens.weight', [config.vocabSize, d]]])
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`
    shapes.set(`${at}.input_layernorm.weight`, [d])
    shapes.set(`${at}.post_attention_layernorm.weight`, [d])
    shapes.set(`${at}.self_attn.o_proj.weight`, [d, heads * headDim])
    shapes.set(`${at}.mlp.down_proj.weight`, [d, f])
    if (config.architecture === 'phi3') {
      shapes.set(`${at}.self_attn.qkv_proj.weight`, [(heads + 2 * kvHeads) * headDim, d])
      shapes.set(`${at}.mlp.gate_up_proj.weight`, [2 * f, d])
      continue
    }
    shapes.set(`${at}.mlp.gate_proj.weight`, [f, d])
    shapes.set(`${at}.mlp.up_proj.weight`, [f, d])
    for (const [name, out] of [
      ['q', heads],
      ['k', kvHeads],
      ['v', kvHeads],
    ] as const) {
      shapes.set(`${at}.self_attn.${name}_proj.weight`, [out * headDim, d])
      if (config.attentionBias) shapes.set(`${at}.self_attn.${name}_proj.bias`, [out * headDim])
    }
  }
  shapes.set('model.norm.weight', [d])
  if (!config.tieEmbeddings) shapes.set('lm_head.weight', [config.vocabSize, d])
  return shapes
}
