import { FulcrumError } from '../errors.ts'
import { writeWhole } from '../store/files.ts'
import type { LoadedCheckpoint } from './checkpoint.ts'
import type { DecoderConfig } from './config.ts'
import { ggufBytes, type GgufValue } from './gguf.ts'
import { readVocabulary, type Vocabulary } from './gguf-vocabulary.ts'
import type { Adapter } from './lora.ts'
import type { Weight } from './safetensors.ts'

/** Writes a checkpoint as a GGUF file that llama.cpp runs, float32, with the tokenizer of its folder. Says how far
 *  llama.cpp's own tokenizer reads text as that one does; token ids are exact in any case. */
export async function exportGguf(path: string, checkpoint: LoadedCheckpoint): Promise<Vocabulary['text']> {
  const { config, weights, name, folder } = checkpoint
  checkRope(config)
  const vocabulary = await readVocabulary(folder, config)
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { string: config.architecture }],
    ['general.name', { string: vocabulary.hasPhi3Tokens ? name : name.replace(/phi-?3/gi, 'phi_3') }],
    ['general.file_type', { uint32: 0 }], // all F32
    ...architectureOf(config),
    ...vocabulary.metadata,
  ])
  const tensors = new Map([...weights].map(([from, weight]) => converted(config, from, weight)))
  // Where the head is tied, llama.cpp takes the embedding for it; phi3 wants it written out.
  const embedding = weights.get('model.embed_tokens.weight') as Weight
  if (config.tieEmbeddings && config.architecture === 'phi3') tensors.set('output.weight', embedding)
  await writeWhole(path, ggufBytes(metadata, tensors))
  return vocabulary.text
}

/** Writes an adapter as a GGUF file that llama.cpp loads beside the model it belongs to. */
export async function exportGgufAdapter(
  path: string,
  config: DecoderConfig,
  { options, weights }: Adapter,
): Promise<void> {
  checkRope(config)
  const metadata = new Map<string, GgufValue>([
    ['general.type', { string: 'adapter' }],
    ['general.architecture', { string: config.architecture }],
    ['adapter.type', { string: 'lora' }],
    ['adapter.lora.alpha', { float32: options.alpha }],
  ])
  const tensors = new Map<string, Weight>()
  for (const [name, weight] of weights) {
    const module = name.replace(/\.lora_[AB]\.weight$/, '.weight')
    const isB = name.endsWith('.lora_B.weight')
    // B's rows are the module's outputs: they move as the module's do.
    const [to, moved] = isB ? converted(config, module, weight) : [ggufName(config, module), weight]
    tensors.set(`${to}.lora_${isB ? 'b' : 'a'}`, moved)
  }
  await writeWhole(path, ggufBytes(metadata, tensors))
}

function checkRope({ architecture, rotaryShare }: DecoderConfig): void {
  if (architecture === 'phi3' || rotaryShare === 1) return
  throw new FulcrumError(
    'model',
    `llama.cpp turns whole heads of a ${architecture} model, this one turns ${rotaryShare} of each`,
    'Serve the model folder as it is, with vLLM.',
  )
}

function architectureOf(config: DecoderConfig): [string, GgufValue][] {
  const { architecture: a, headDim } = config
  return [
    [`${a}.context_length`, { uint32: config.maxPositions }],
    [`${a}.embedding_length`, { uint32: config.hiddenSize }],
    [`${a}.block_count`, { uint32: config.layers }],
    [`${a}.feed_forward_length`, { uint32: config.intermediateSize }],
    [`${a}.attention.head_count`, { uint32: config.heads }],
    [`${a}.attention.head_count_kv`, { uint32: config.kvHeads }],
    [`${a}.attention.key_length`, { uint32: headDim }],
    [`${a}.attention.value_length`, { uint32: headDim }],
    [`${a}.attention.layer_norm_rms_epsilon`, { float32: config.normEpsilon }],
    [`${a}.rope.freq_base`, { float32: config.ropeTheta }],
    [`${a}.rope.dimension_count`, { uint32: Math.floor(headDim * config.rotaryShare) }],
    [`${a}.vocab_size`, { uint32: config.vocabSize }],
  ]
}

const outside: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
}
const inside: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.gate_up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}

function ggufName(config: DecoderConfig, name: string): string {
  const [, layer, part = '', kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? []
  const found = layer === undefined ? outside[name] : inside[part]
  if (found !== undefined) return layer === undefined ? found : `blk.${layer}.${found}.${kind}`
  throw new FulcrumError('model', `GGUF has no ${config.architecture} tensor for ${name}`, 'Report this.')
}

/** llama's rotary pairs are neighbours in llama.cpp and halves of a head in Hugging Face's layout: rows of q and k move. */
function converted(config: DecoderConfig, name: string, weight: Weight): [string, Weight] {
  const turned = config.architecture === 'llama' && /self_attn\.[qk]_proj\./.test(name)
  return [ggufName(config, name), turned ? interleaved(weight, config.headDim) : weight]
}

/** Row h D + 2 j + s becomes what was row h D + s D / 2 + j. */
function interleaved({ shape, data }: Weight, headDim: number): Weight {
  const rows = shape[0] as number
  const width = data.length / rows
  const moved = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    const within = row % headDim
    const from = row - within + (within % 2) * (headDim / 2) + Math.floor(within / 2)
    moved.set(data.subarray(from * width, (from + 1) * width), row * width)
  }
  return { shape, data: moved }
}
