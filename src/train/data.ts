import { dirname, join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import type { Tokenizer } from '../model/model.ts'
import { sha256OfFile } from '../store/files.ts'
import { readManifest } from '../store/manifest.ts'
import { readParquet } from '../store/parquet-reader.ts'
import type { PreferencePair } from './dpo.ts'
import type { GrpoProblem } from './rollouts.ts'
import type { SftExample } from './sft.ts'

/** Rows of one config of a built dataset, every shard checked against the manifest's sha256 before a row is used. */
async function* readConfig(manifestPath: string, config: string): AsyncGenerator<Record<string, unknown>> {
  const manifest = await readManifest(manifestPath)
  const found = manifest.configs[config]
  if (found === undefined) {
    throw new FulcrumError(
      'train',
      `${manifestPath} has no config ${config}`,
      `It has ${Object.keys(manifest.configs).join(', ') || 'none'}: choose one with --config.`,
    )
  }
  for (const { file, sha256 } of found.shards) {
    const path = join(dirname(manifestPath), file)
    if ((await sha256OfFile(path).catch(() => '')) !== sha256) {
      throw new FulcrumError(
        'train',
        `${path} is not the file its manifest names`,
        'Run `fulcrum verify` on the manifest, and the pipeline again.',
      )
    }
    yield* readParquet(path)
  }
}

/** Supervised examples by their exact ids; a row without ids is encoded once with the model's own tokenizer. */
export async function readSftExamples(
  manifestPath: string,
  config: string,
  tokenizer: Tokenizer,
): Promise<SftExample[]> {
  const examples: SftExample[] = []
  for await (const row of readConfig(manifestPath, config)) {
    const completion = text(row, 'completion', manifestPath)
    // With the beginning-of-sequence token, where the dataset keeps the two apart.
    const prompt = text(row, row.prompt_with_bos === undefined ? 'prompt' : 'prompt_with_bos', manifestPath)
    const { text: end } = tokenizer.eos
    const whole = completion.endsWith(end) ? completion : completion + end
    const completionIds = exact(row.completion_ids, whole, tokenizer)
    examples.push({ promptIds: exact(row.prompt_ids, prompt, tokenizer), completionIds })
  }
  return examples
}

/** Preference pairs; a dataset made with another tokenizer or chat template is refused. */
export async function readPairs(
  manifestPath: string,
  config: string,
  tokenizer: Tokenizer,
): Promise<PreferencePair[]> {
  const pairs: PreferencePair[] = []
  for await (const row of readConfig(manifestPath, config)) {
    refuseOther('tokenizer', row.tokenizer_sha256, tokenizer.sha256, manifestPath)
    refuseOther('chat template', row.chat_template_sha256, tokenizer.chatTemplateSha256, manifestPath)
    pairs.push({
      promptIds: ids(row, 'prompt_ids', manifestPath),
      chosenIds: ids(row, 'chosen_ids', manifestPath),
      rejectedIds: ids(row, 'rejected_ids', manifestPath),
    })
  }
  return pairs
}

/** The problems of a config, once each, as config grpo has them; any config with problem and answer will do. */
export async function readProblemRows(manifestPath: string, config: string): Promise<GrpoProblem[]> {
  const found = new Map<string, GrpoProblem>()
  for await (const row of readConfig(manifestPath, config)) {
    const id = text(row, row.question_id === undefined ? 'id' : 'question_id', manifestPath)
    const [problem, answer] = [text(row, 'problem', manifestPath), text(row, 'answer', manifestPath)]
    found.set(id, { id, problem, answer })
  }
  return [...found.values()]
}

/** Ids that say exactly this text under the tokenizer, else the text encoded. */
function exact(given: unknown, wanted: string, tokenizer: Tokenizer): readonly number[] {
  const known = Array.isArray(given) ? (given as number[]) : null
  return known !== null && tokenizer.decode(known) === wanted ? known : tokenizer.encode(wanted)
}

/** A row that does not say what it was made with passes. */
function refuseOther(what: string, made: unknown, mine: string | null, manifestPath: string): void {
  if (made === null || made === undefined || made === mine) return
  const found = typeof made === 'string' ? `${made.slice(0, 12)}…` : `a ${typeof made}`
  throw new FulcrumError(
    'train',
    `${manifestPath} was made with another ${what} (${found}) than the model's (${String(mine).slice(0, 12)}…)`,
    'Train the model whose rollouts made the dataset.',
  )
}

function ids(row: Record<string, unknown>, name: string, manifestPath: string): readonly number[] {
  const value = row[name]
  if (Array.isArray(value) && value.length > 0) return value as number[]
  throw new FulcrumError(
    'train',
    `${manifestPath}: a row has no ${name}`,
    'Use a config with exact ids, as dpo_pivotal.',
  )
}

function text(row: Record<string, unknown>, name: string, manifestPath: string): string {
  const value = row[name]
  if (typeof value === 'string') return value
  throw new FulcrumError(
    'train',
    `${manifestPath}: a row has no ${name}`,
    'SFT wants a config with prompt and completion, as sft_text; GRPO one with problem and answer.',
  )
}
