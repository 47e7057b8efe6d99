import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import * as huggingFace from '@huggingface/tokenizers'
import { FulcrumError } from '../errors.ts'
import type { Message, Tokenizer } from '../model/model.ts'
import { readJson } from './checkpoint.ts'

/** The part used here. The package's own types import each other without file extensions, which Node's module
 *  resolution does not find, so that TypeScript sees nothing of them. */
interface HuggingFaceTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { readonly ids: number[] }
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string
  token_to_id(token: string): number | undefined
}
const { Tokenizer: HuggingFaceTokenizer } = huggingFace as unknown as {
  Tokenizer: new (tokenizer: object, config: object) => HuggingFaceTokenizer
}

/** The tokenizer and chat template of a Hugging Face model folder. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const path = join(folder, 'tokenizer.json')
  const json = (await readJson(path)) as TokenizerJson
  const config = (await readJson(join(folder, 'tokenizer_config.json'))) as Record<string, unknown>
  const tokenizer = new HuggingFaceTokenizer(json, config)
  const eosText = tokenText(config.eos_token)
  const eosId = eosText === null ? undefined : tokenizer.token_to_id(eosText)
  if (eosText === null || eosId === undefined) {
    throw new FulcrumError(
      'model',
      `${folder} names no end-of-sequence token`,
      'Set eos_token in tokenizer_config.json.',
    )
  }
  const template = await readTemplate(folder, config)
  const compiled = template === null ? null : new Template(template)
  return {
    sha256: createHash('sha256')
      .update(await readFile(path))
      .digest('hex'),
    chatTemplateSha256: template === null ? null : createHash('sha256').update(template).digest('hex'),
    vocabularySize: sizeOf(json),
    eos: { id: eosId, text: eosText },
    addedBos: addedBos(tokenizer, tokenText(config.bos_token)),
    encode: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) =>
      ids.length === 0
        ? ''
        : tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    renderChat: (messages, variables = {}) => render(compiled, { ...variables, messages }, config, folder),
  }
}

/** Ids of the model's vocabulary and of added tokens: BPE has them by token, Unigram in order. */
function sizeOf(json: TokenizerJson): number {
  const { vocab = {} } = json.model ?? {}
  const ids = isList(vocab) ? [vocab.length - 1] : Object.values(vocab)
  const added = (json.added_tokens ?? []).map(({ id }) => id)
  return 1 + [...ids, ...added].reduce((highest, id) => Math.max(highest, id), -1)
}

const isList = (vocab: Vocabulary): vocab is readonly unknown[] => Array.isArray(vocab)

type Vocabulary = Readonly<Record<string, number>> | readonly unknown[]

interface TokenizerJson {
  readonly model?: { readonly vocab?: Vocabulary }
  readonly added_tokens?: readonly { readonly id: number }[]
}

function addedBos(tokenizer: HuggingFaceTokenizer, bos: string | null): string | null {
  const [first] = tokenizer.encode('', { add_special_tokens: true }).ids
  return bos !== null && first !== undefined && tokenizer.token_to_id(bos) === first ? bos : null
}

/** The chat template of a model folder: chat_template.jinja, else the one in tokenizer_config.json. */
export async function readTemplate(folder: string, config: Record<string, unknown>): Promise<string | null> {
  const file = await readFile(join(folder, 'chat_template.jinja'), 'utf8').catch(() => null)
  if (file !== null) return file
  return typeof config.chat_template === 'string' ? config.chat_template : null
}

function render(
  template: Template | null,
  given: { readonly messages: readonly Message[] },
  config: Record<string, unknown>,
  folder: string,
): string {
  if (template === null) {
    throw new FulcrumError(
      'model',
      `${folder} has no chat template`,
      'Add chat_template to tokenizer_config.json.',
    )
  }
  return template.render({
    add_generation_prompt: true,
    ...given,
    bos_token: tokenText(config.bos_token) ?? '',
    eos_token: tokenText(config.eos_token) ?? '',
  })
}

/** Special tokens are written as a string or as an object with `content`. */
function tokenText(token: unknown): string | null {
  if (typeof token === 'string') return token
  const content = (token as { content?: unknown } | null | undefined)?.content
  return typeof content === 'string' ? content : null
}
