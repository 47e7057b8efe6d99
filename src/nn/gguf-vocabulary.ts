import { join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { readJson } from './checkpoint.ts'
import type { DecoderConfig } from './config.ts'
import type { GgufValue } from './gguf.ts'
import { loadTokenizer, readTemplate } from './tokenizer.ts'

/** A tokenizer as llama.cpp reads it. */
export interface Vocabulary {
  readonly metadata: readonly (readonly [string, GgufValue])[]
  /** Whether llama.cpp cuts text into the same tokens: known pattern, or ids only. */
  readonly text: 'same' | 'may differ'
  /** The tokens are there that llama.cpp demands of every model with phi3 in its name. */
  readonly hasPhi3Tokens: boolean
}

const tokenizerJson = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int().min(0), content: z.string(), special: z.boolean() })),
  pre_tokenizer: z.unknown(),
  model: z.looseObject({
    type: z.string(),
    vocab: z.record(z.string(), z.int().min(0)),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])).nullish(),
    byte_fallback: z.boolean().nullish(),
    unk_token: z.string().nullish(),
  }),
})
type TokenizerJson = z.infer<typeof tokenizerJson>

/** Token types of llama.cpp (llama.h, enum llama_token_attr). */
const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** The tokenizer of a model folder; ids without a token are filled up as unused. */
export async function readVocabulary(folder: string, config: DecoderConfig): Promise<Vocabulary> {
  const path = join(folder, 'tokenizer.json')
  const read = tokenizerJson.safeParse(await readJson(path))
  if (!read.success || read.data.model.type !== 'BPE') {
    const what = read.success ? `a ${read.data.model.type} tokenizer` : read.error.issues[0]?.path.join('.')
    throw new FulcrumError('model', `${path} cannot be written as GGUF: ${what}`, 'BPE tokenizers can.')
  }
  const json = read.data
  checkIds(json, config.vocabSize, path)
  const family = familyOf(json)
  const tokenizer = await loadTokenizer(folder)
  const tokenizerConfig = (await readJson(join(folder, 'tokenizer_config.json'))) as Record<string, unknown>
  const template = await readTemplate(folder, tokenizerConfig)
  const { tokens, kindOf } = tokensOf(json, config.vocabSize, family)
  const metadata: [string, GgufValue][] = [
    ['tokenizer.ggml.model', { string: family.model }],
    ...(family.pre === null ? [] : [['tokenizer.ggml.pre', { string: family.pre }] as [string, GgufValue]]),
    ['tokenizer.ggml.tokens', { strings: tokens }],
    ['tokenizer.ggml.token_type', { int32s: kindOf }],
    family.model === 'llama'
      ? // A merge's rank is its token's id: the lower id is joined first.
        ['tokenizer.ggml.scores', { float32s: tokens.map((_, id) => -id) }]
      : ['tokenizer.ggml.merges', { strings: (json.model.merges ?? []).map(mergeText) }],
    ['tokenizer.ggml.eos_token_id', { uint32: config.eosTokenId }],
    ...(config.bosTokenId === null
      ? []
      : [['tokenizer.ggml.bos_token_id', { uint32: config.bosTokenId }] as [string, GgufValue]]),
    ['tokenizer.ggml.add_bos_token', { bool: tokenizer.addedBos !== null }],
    ['tokenizer.ggml.add_eos_token', { bool: false }],
    ...(template !== null ? [['tokenizer.chat_template', { string: template }] as [string, GgufValue]] : []),
  ]
  const hasPhi3Tokens = ['<unk>', '<s>', '<|endoftext|>'].every((token) => tokens.includes(token))
  return { metadata, text: family.text, hasPhi3Tokens }
}

interface Family {
  readonly model: 'gpt2' | 'llama'
  /** llama.cpp's name of the pattern that cuts text before the merges. */
  readonly pre: string | null
  /** Tokens are text, not letters that stand for bytes. */
  readonly plain: boolean
  readonly text: Vocabulary['text']
}

/** Patterns of pre-tokenizers that llama.cpp knows, by what tells them apart. */
const patterns = [
  ['llama-bpe', "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|"],
  ['qwen2', "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|"],
] as const

function familyOf({ model, pre_tokenizer: pre }: TokenizerJson): Family {
  if (model.byte_fallback === true) return { model: 'llama', pre: null, plain: true, text: 'may differ' }
  const written = JSON.stringify(pre ?? null)
  const inJson = (pattern: string): string => JSON.stringify(pattern).slice(1, -1)
  const known = patterns.find(([, pattern]) => written.includes(inJson(pattern)))?.[0]
  const byteLevel = written.includes('"ByteLevel"')
  if (known !== undefined) return { model: 'gpt2', pre: known, plain: !byteLevel, text: 'same' }
  if (byteLevel && !written.includes('"Split"')) {
    return { model: 'gpt2', pre: 'gpt-2', plain: false, text: 'same' }
  }
  // llama-bpe is the pattern under which llama.cpp takes a whole word that is a token without any merge.
  return { model: 'gpt2', pre: 'llama-bpe', plain: !byteLevel, text: 'may differ' }
}

function tokensOf(
  { model, added_tokens: added }: TokenizerJson,
  vocabSize: number,
  family: Family,
): { tokens: string[]; kindOf: number[] } {
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`)
  const kindOf = Array<number>(vocabSize).fill(kinds.unused)
  for (const [text, id] of Object.entries(model.vocab)) {
    tokens[id] = family.model === 'gpt2' && family.plain ? byteLetters(text) : text
    kindOf[id] = /^<0x[0-9A-F]{2}>$/.test(text) && family.model === 'llama' ? kinds.byte : kinds.normal
    if (text === model.unk_token && family.model === 'llama') kindOf[id] = kinds.unknown
  }
  for (const { id, content, special } of added) {
    tokens[id] = content
    if (kindOf[id] !== kinds.unknown) kindOf[id] = special ? kinds.control : kinds.userDefined
  }
  return { tokens, kindOf }
}

function checkIds({ model, added_tokens: added }: TokenizerJson, vocabSize: number, path: string): void {
  const most = Math.max(...Object.values(model.vocab), ...added.map(({ id }) => id))
  if (most < vocabSize) return
  throw new FulcrumError(
    'model',
    `${path} has token ${most}, the model's vocabulary ends at ${vocabSize - 1}`,
    'Use the tokenizer that came with the model.',
  )
}

const mergeText = (merge: string | readonly [string, string]): string =>
  typeof merge === 'string' ? merge : merge.join(' ')

/** A text as GPT-2's byte letters: printable bytes stand for themselves, the others for letters from U+0100 on. */
function byteLetters(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => letters[byte]).join('')
}

const letters = Array.from({ length: 256 }, () => '')
{
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    letters[byte] = String.fromCodePoint(printable(byte) ? byte : next++)
  }
}
