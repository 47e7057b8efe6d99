import { FulcrumError } from '../../errors.ts'
import { expand } from '../../pipeline/constructors.ts'
import type { Dropped } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import type { Columns, Row } from '../../record/columns.ts'
import { askModel, type Author } from './ask-model.ts'
import { type PromptFile, promptFile } from './prompt-file.ts'
import type { Reply } from './reply.ts'

export interface AskOptions<Needs extends Columns, Adds extends Columns, Value> extends Author {
  readonly name: string
  readonly needs: Needs
  readonly adds: Adds
  /** Path of the prompt file, whose placeholders are needed columns and settings; or one for each value of a column. */
  readonly prompt: string | PromptBy<keyof Needs & string>
  /** Values of the pipeline's author for placeholders of the prompt. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Needed column that names the row in draws. */
  readonly key: keyof Needs & string
  readonly reply: Reply<Value>
  /** Why a reply that was read will not do for this row; it is asked for again then. */
  readonly check?: (value: Value, row: Row<Needs>) => string | null
  /** The rows that come of a reply: none, one or several; or the reason that the row is dropped. */
  readonly each: (value: Value, row: Row<Needs>, run: Run) => readonly Row<Adds>[] | Dropped
  /** Reason for rows that come to nothing. */
  readonly empty?: string
  readonly concurrency?: number
}

interface PromptBy<Name extends string> {
  readonly by: Name
  /** Paths by value; a row with another value is dropped. */
  readonly files: Readonly<Record<string, string>>
}

/** Asks a model about each row with a prompt file, and reads a reply of a fixed form. A row whose reply cannot be read in
 *  `tries` tries is dropped, with the reason of the last. */
export function ask<Needs extends Columns, Adds extends Columns, Value>(
  of: AskOptions<Needs, Adds, Value>,
): Stage<Needs, Adds> {
  const { name, needs, adds, settings = {}, key, reply, check, each, empty, model, tries = 3 } = of
  const known = [...Object.keys(needs), ...Object.keys(settings)]
  const { choose, files } = promptsOf(of.prompt, (path) => checkedPrompt(name, path, known))
  const longest = Math.max(...files.map(({ length }) => length))
  return expand<Needs, Adds>({
    ...{ name, needs, adds, models: [model] },
    options: { ...askIdentity(files, of), settings, reply: reply.id },
    callsPerRow: 1,
    asks: { requestsPerRow: 1, maxTokens: of.maxTokens, longestPrefix: Math.ceil(longest / 3) },
    concurrency: of.concurrency ?? 8,
    ...(empty !== undefined && { empty }),
    each: async (row, run) => {
      const prompt = choose(row)
      if (prompt === undefined) return { drop: 'no prompt for its kind' }
      const question = {
        messages: prompt.render(row, settings),
        reply,
        key: [name, String(row[key])],
        ...(check !== undefined && { check: (value: Value) => check(value, row) }),
      }
      const reading = await askModel({ ...of, tries }, question, run)
      return 'unread' in reading
        ? { drop: `reply not readable: ${reading.unread}` }
        : each(reading.value, row, run)
    },
  })
}

interface Prompts {
  readonly choose: (row: Readonly<Record<string, unknown>>) => PromptFile | undefined
  readonly files: readonly PromptFile[]
}

function promptsOf(given: string | PromptBy<string>, read: (path: string) => PromptFile): Prompts {
  if (typeof given === 'string') {
    const prompt = read(given)
    return { choose: () => prompt, files: [prompt] }
  }
  const byValue = new Map(Object.entries(given.files).map(([value, path]) => [value, read(path)]))
  return { choose: (row) => byValue.get(String(row[given.by])), files: [...byValue.values()] }
}

/** What of a question decides its answer. */
export const askIdentity = (
  prompts: readonly PromptFile[],
  { temperature, topP, topK, maxTokens, tries = 3 }: Omit<Author, 'model'>,
): Readonly<Record<string, unknown>> => ({
  prompts: prompts.map(({ sha256 }) => sha256),
  ...{ temperature, topP, topK, maxTokens, tries },
})

/** A prompt file whose placeholders are all known. */
export function checkedPrompt(stage: string, path: string, known: readonly string[]): PromptFile {
  const prompt = promptFile(path)
  const strange = prompt.placeholders.filter((name) => !known.includes(name))
  if (!prompt.hasUserPart)
    throw new FulcrumError(
      'config',
      `The prompt ${path} of stage ${stage} asks nothing`,
      'Give it a part <!-- user -->.',
    )
  if (strange.length === 0) return prompt
  throw new FulcrumError(
    'config',
    `The prompt ${path} of stage ${stage} has {{${strange.join('}}, {{')}}}, which the stage does not give`,
    `It gives ${known.join(', ')}.`,
  )
}
