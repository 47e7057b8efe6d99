import { accessSync, constants } from 'node:fs'
import { dirname, join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import type { Tokenizer } from '../model/model.ts'
import type { DecoderConfig } from '../nn/config.ts'
import { sha256OfFile } from '../store/files.ts'
import { readManifest, type ShardEntry } from '../store/manifest.ts'
import { readParquet } from '../store/parquet-reader.ts'
import { conversationIds, messagesOf } from './conversation.ts'
import type { PreferencePair } from './dpo.ts'
import type { Items } from './items.ts'
import type { GrpoProblem } from './rollouts.ts'
import type { SftExample } from './sft.ts'
import { tokenFile, type TokenLists, type TokenRow } from './token-file.ts'

/** The model that is to be trained, as far as its data must fit it. */
export interface Learner {
  readonly tokenizer: Tokenizer
  readonly config: DecoderConfig
}

export interface DataSource {
  readonly manifest: string
  /** Config of the dataset, as sft_text. */
  readonly config: string
  /** Where token files go if the dataset's folder cannot be written. */
  readonly out: string
}

/** Supervised examples of a built dataset by their exact ids; a row whose ids do not say its text is encoded once with
 *  the model's own tokenizer. Rows longer than the model are counted and left out, never cut. */
export async function openExamples(source: DataSource, learner: Learner): Promise<Items<SftExample>> {
  const { tokenizer } = learner
  return openItems(source, learner, ['promptIds', 'completionIds'], (row, place) => {
    const messages = messagesOf(row.messages)
    if (messages !== null) {
      const item = conversationIds(tokenizer, messages, place)
      const tokens = item.promptIds.length + item.completionIds.length
      return { item, counted: 'encoded from messages', tokens }
    }
    const completion = text(row, 'completion', place)
    // With the beginning-of-sequence token, where the dataset keeps the two apart.
    const prompt = text(row, row.prompt_with_bos === undefined ? 'prompt' : 'prompt_with_bos', place)
    const { text: end } = tokenizer.eos
    const whole = completion.endsWith(end) ? completion : completion + end
    const [promptIds, completionIds] = [
      exact(row.prompt_ids, prompt, tokenizer),
      exact(row.completion_ids, whole, tokenizer),
    ]
    const item = {
      promptIds: promptIds ?? tokenizer.encode(prompt),
      completionIds: completionIds ?? tokenizer.encode(whole),
    }
    const counted = promptIds === null || completionIds === null ? 'encoded from text' : null
    if (item.promptIds.length === 0) return { item: null, counted: 'dropped: the prompt is empty' }
    return { item, counted, tokens: item.promptIds.length + item.completionIds.length }
  })
}

/** Preference pairs of a built dataset by their exact ids: nothing is encoded, added or cut. Pairs of conversations are
 *  rendered with the model's own chat template. */
export async function openPairs(source: DataSource, learner: Learner): Promise<Items<PreferencePair>> {
  return openItems(source, learner, ['promptIds', 'chosenIds', 'rejectedIds'], (row, place) => {
    const spoken = spokenPair(row, learner.tokenizer, place)
    const item = spoken ?? {
      promptIds: ids(row, 'prompt_ids', place),
      chosenIds: ids(row, 'chosen_ids', place),
      rejectedIds: ids(row, 'rejected_ids', place),
    }
    if (item.chosenIds.join() === item.rejectedIds.join())
      return { item: null, counted: 'dropped: both sides are the same' }
    const tokens = item.promptIds.length + Math.max(item.chosenIds.length, item.rejectedIds.length)
    return { item, counted: spoken === null ? null : 'encoded from messages', tokens }
  })
}

/** A pair of conversations, whole (dpo_full) or behind one prompt (dpo_branch); null where the sides are none. */
function spokenPair(row: Row, tokenizer: Tokenizer, place: string): TokenLists<keyof PreferencePair> | null {
  const [chosen, rejected] = [messagesOf(row.chosen), messagesOf(row.rejected)]
  if (chosen === null || rejected === null) return null
  const prompt = messagesOf(row.prompt) ?? []
  const better = conversationIds(tokenizer, [...prompt, ...chosen], place)
  const worse = conversationIds(tokenizer, [...prompt, ...rejected], place)
  if (better.promptIds.join() === worse.promptIds.join()) {
    const { promptIds, completionIds: chosenIds } = better
    return { promptIds, chosenIds, rejectedIds: worse.completionIds }
  }
  throw new FulcrumError(
    'train',
    `${place} has sides with different prompts`,
    'A pair is two answers to one conversation.',
  )
}

type Row = Readonly<Record<string, unknown>>
type Read<Name extends string> =
  | { readonly item: null; readonly counted: string }
  | { readonly item: TokenLists<Name>; readonly counted: string | null; readonly tokens: number }

/** The token file of one config of a dataset; every shard's sha256 is checked against the manifest first. */
async function openItems<Name extends string>(
  { manifest: manifestPath, config, out }: DataSource,
  { tokenizer, config: decoder }: Learner,
  names: readonly Name[],
  read: (row: Row, place: string) => Read<Name>,
): Promise<Items<TokenLists<Name>>> {
  const shards = await checkedShards(manifestPath, config)
  const { maxPositions, vocabSize } = decoder
  async function* rows(): AsyncGenerator<TokenRow<Name>> {
    for (const [shard, { path }] of shards.entries()) {
      let row = -1
      for await (const values of readParquet(path)) {
        const place = `${path} row ${++row}`
        refuseOther('tokenizer', values.tokenizer_sha256, tokenizer.sha256, place)
        refuseOther('chat template', values.chat_template_sha256, tokenizer.chatTemplateSha256, place)
        const found = read(values, place)
        if (!('tokens' in found)) yield { shard, row, ...found }
        else if (found.tokens > maxPositions)
          yield {
            shard,
            row,
            item: null,
            counted: `dropped: longer than the model's ${maxPositions} positions`,
          }
        else {
          refuseUnknown(
            names.flatMap((name) => found.item[name]),
            vocabSize,
            place,
          )
          yield { shard, row, item: found.item, counted: found.counted }
        }
      }
    }
  }
  const key = {
    format: 'fulcrum-tokens/1',
    names,
    shards: shards.map(({ sha256 }) => sha256),
    tokenizer: [tokenizer.sha256, tokenizer.chatTemplateSha256, tokenizer.eos.id],
    maxPositions,
    vocabSize,
  }
  const files = shards.map(({ file }) => file)
  const folder = cacheFolder(dirname(manifestPath), out)
  return tokenFile(folder, { name: manifestPath, names, shards: files, key }, rows)
}

/** Beside the manifest, so that runs share it; with the run where that folder is read-only. */
function cacheFolder(dataset: string, out: string): string {
  try {
    accessSync(dataset, constants.W_OK)
    return join(dataset, '.cache')
  } catch {
    return join(out, 'cache')
  }
}

async function checkedShards(
  manifestPath: string,
  config: string,
): Promise<(ShardEntry & { readonly path: string })[]> {
  const manifest = await readManifest(manifestPath)
  const found = manifest.configs[config]
  if (found === undefined) {
    throw new FulcrumError(
      'train',
      `${manifestPath} has no config ${config}`,
      `It has ${Object.keys(manifest.configs).join(', ') || 'none'}: choose one with --config.`,
    )
  }
  const shards = found.shards.map((shard) => ({ ...shard, path: join(dirname(manifestPath), shard.file) }))
  for (const { path, sha256 } of shards) {
    if ((await sha256OfFile(path).catch(() => '')) === sha256) continue
    throw new FulcrumError(
      'train',
      `${path} is not the file its manifest names`,
      'Run `fulcrum verify` on the manifest, and the pipeline again.',
    )
  }
  return shards
}

/** The problems of a config, once each, as config grpo has them; any config with problem and answer will do. */
export async function readProblemRows(manifest: string, config: string): Promise<GrpoProblem[]> {
  const found = new Map<string, GrpoProblem>()
  for (const { path } of await checkedShards(manifest, config)) {
    for await (const row of readParquet(path)) {
      const id = text(row, row.question_id === undefined ? 'id' : 'question_id', path)
      found.set(id, { id, problem: text(row, 'problem', path), answer: text(row, 'answer', path) })
    }
  }
  return [...found.values()]
}

/** Ids that say exactly this text under the tokenizer, or null. */
function exact(given: unknown, wanted: string, tokenizer: Tokenizer): readonly number[] | null {
  const known = Array.isArray(given) ? (given as number[]) : null
  return known !== null && tokenizer.decode(known) === wanted ? known : null
}

/** A row that does not say what it was made with passes. */
function refuseOther(what: string, made: unknown, mine: string | null, place: string): void {
  if (made === null || made === undefined || made === mine) return
  const found = typeof made === 'string' ? `${made.slice(0, 12)}…` : `a ${typeof made}`
  throw new FulcrumError(
    'train',
    `${place} was made with another ${what} (${found}) than the model's (${String(mine).slice(0, 12)}…)`,
    'Train the model whose rollouts made the dataset.',
  )
}

function refuseUnknown(list: readonly number[], vocabSize: number, place: string): void {
  const stray = list.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize)
  if (stray === undefined) return
  throw new FulcrumError(
    'train',
    `${place} has token id ${stray}, the model has ${vocabSize} tokens`,
    'Train the model whose tokenizer made the dataset.',
  )
}

function ids(row: Row, name: string, place: string): readonly number[] {
  const value = row[name]
  if (Array.isArray(value) && value.length > 0) return value as number[]
  throw new FulcrumError('train', `${place} has no ${name}`, 'Use a config with exact ids, as dpo_pivotal.')
}

function text(row: Row, name: string, place: string): string {
  const value = row[name]
  if (typeof value === 'string') return value
  throw new FulcrumError(
    'train',
    `${place} has no ${name}`,
    'Use a config with prompt and completion, as sft_text.',
  )
}
