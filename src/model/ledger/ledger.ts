import { FulcrumError } from '../../errors.ts'
import type { Completion, Model, SampleOptions, Usage } from '../model.ts'
import { type Kept, type Ledger, openLedger, type Question } from './book.ts'
import { addUsage, noUsage } from '../usage.ts'
import { inTurns, mostWaiting } from '../turns.ts'
import { promptKey, samplerKey, scoreKey } from './key.ts'

export interface LedgerOptions {
  /** Part of every question's identity: one name may mean other weights elsewhere. */
  readonly endpoint?: string
  /** Completions that one request brings at most. More are asked for in parts, and each part is kept as soon as it is there. */
  readonly atOnce?: number
  /** Requests have their intent on disk elsewhere: those of a batch. */
  readonly noted?: boolean
  /** How completions from number `first` on are asked for. Without it all are asked for when one is missing. */
  readonly from?: (options: SampleOptions, first: number) => SampleOptions
}

/** Wraps any model so that an answer that is on disk is never asked for again: not by a run that was killed, not when more
 *  samples or longer answers are wanted. `where` is a folder, or a ledger that several models share. */
export async function ledger(
  model: Model,
  where: string | Ledger,
  options: LedgerOptions = {},
): Promise<Model> {
  const book = typeof where === 'string' ? await openLedger(where) : where
  const wrapped = withLedger(model, book, options)
  if (where === book) return wrapped
  return {
    ...wrapped,
    close: async () => {
      await model.close()
      await book.close()
    },
  }
}

/** The same over a ledger that is open. */
export function withLedger(model: Model, book: Ledger, options: LedgerOptions): Model {
  const { endpoint = '' } = options
  const identity = { endpoint, model: model.id, tokenizer: model.tokenizer }
  const who = endpoint === '' ? model.id : `${endpoint}#${model.id.replace(/^http:/, '')}`
  const oneByOne = inTurn()
  return {
    ...model,
    sample: (prompt, wanted) => {
      const question = { who, prompt: promptKey(identity, prompt), sampler: samplerKey(wanted) }
      // A greedy answer is the same however often it is drawn.
      const n = wanted.temperature === 0 ? Math.min(1, wanted.n) : wanted.n
      return oneByOne(question, async () => {
        const { onUsage, ...bare } = wanted
        const ask = (part: SampleOptions) => asked(model, prompt, part)
        const kept = await keptOrBought(book, question, { ...bare, n }, { ...options, ask })
        for (const { usage } of kept) if (usage !== null) onUsage?.(usage)
        const completions = kept.map(({ completion }) => completion)
        if (n === wanted.n) return completions
        return Array<Completion>(wanted.n).fill(completions[0] as Completion)
      })
    },
    score: (ids, wanted) => {
      const prompt = promptKey(identity, { kind: 'tokens', ids })
      const question = { who, prompt, sampler: scoreKey(wanted) }
      return oneByOne(question, async () => {
        let kept = await book.scores(question, wanted.from)
        if (kept === null) {
          const ask = async (): Promise<NonNullable<typeof kept>> => {
            let usage: Usage = { ...noUsage, promptTokens: ids.length }
            const scores = await model.score(ids, { ...wanted, onUsage: (told) => (usage = told) })
            kept = { scores, usage }
            return kept
          }
          await book.score(question, wanted.from, ask, wanted.signal)
        }
        const { scores, usage } = kept as unknown as NonNullable<typeof kept>
        wanted.onUsage?.(usage)
        return scores
      })
    },
  }
}

type Ask = (part: SampleOptions) => Promise<{ completions: readonly Completion[]; usage: Usage }>

/** All n completions: what is there, and what is missing in requests of at most `atOnce`. */
async function keptOrBought(
  book: Ledger,
  question: Question,
  wanted: SampleOptions,
  { atOnce = Infinity, noted = false, from, ask }: LedgerOptions & { readonly ask: Ask },
): Promise<Kept[]> {
  const { n, maxTokens, temperature } = wanted
  const kept = await book.completions(question, n, maxTokens)
  const parts = from === undefined ? wholeOf(kept) : gapsOf(kept, atOnce)
  await inTurns(parts, noted ? mostWaiting.batched : mostWaiting.live, (part) => {
    const bought = async (): ReturnType<Ask> => {
      const options = { ...wanted, n: part.n }
      const shifted = from === undefined || temperature === 0 ? options : from(options, part.first)
      const answer = await ask(shifted)
      if (answer.completions.length !== part.n) throw wrongNumber(question, answer.completions.length, part.n)
      for (const [i, completion] of answer.completions.entries())
        kept[part.first + i] ??= { completion, usage: i === 0 ? answer.usage : null }
      return answer
    }
    return book.sample(question, { ...part, maxTokens, noted }, bought, wanted.signal)
  })
  return kept as Kept[]
}

interface Part {
  readonly first: number
  readonly n: number
}

const wholeOf = (kept: readonly (Kept | undefined)[]): Part[] =>
  kept.every((one) => one !== undefined) ? [] : [{ first: 0, n: kept.length }]

/** One by one, while those before are asked for: an answer fills only what its own part has. */
function* gapsOf(kept: readonly (Kept | undefined)[], atOnce: number): Generator<Part> {
  for (let first = 0; first < kept.length; first++) {
    if (kept[first] !== undefined) continue
    let end = first + 1
    while (end < kept.length && end - first < atOnce && kept[end] === undefined) end++
    yield { first, n: end - first }
    first = end - 1
  }
}

/** Asks the model; usage as the server told it, else as the completions have it. */
async function asked(
  model: Model,
  prompt: Parameters<Model['sample']>[0],
  options: SampleOptions,
): Promise<Awaited<ReturnType<Ask>>> {
  const told: Usage[] = []
  const completions = await model.sample(prompt, { ...options, onUsage: (usage) => told.push(usage) })
  const guess = {
    ...noUsage,
    promptTokens: completions[0]?.promptTokens ?? 0,
    completionTokens: sum(completions.map(({ completionTokens }) => completionTokens)),
  }
  const usage = told.length === 0 ? guess : told.reduce(addUsage)
  return { completions, usage }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

const wrongNumber = ({ who }: Question, got: number, wanted: number): FulcrumError =>
  new FulcrumError(
    'model',
    `${who} gave ${got} completions where ${wanted} were asked for`,
    'Look at the server: it answered otherwise when it was tried first.',
  )

/** Equal questions wait for each other: the second finds the answer of the first. */
function inTurn(): <T>(question: Question, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return async (question, work) => {
    const key = question.prompt + question.sampler
    const before = last.get(key)
    const own = before === undefined ? work() : before.then(work, work)
    const settled = own.catch(() => undefined)
    last.set(key, settled)
    await settled
    if (last.get(key) === settled) last.delete(key)
    return own
  }
}
