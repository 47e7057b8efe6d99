import { type Entry, type Journal, openJournal, tagOf } from '../../store/journal/journal.ts'
import type { Completion, TokenScore, Usage } from '../model.ts'
import { parserVersion } from './key.ts'
import {
  type Head,
  readCompletions,
  readHead,
  readScores,
  tupleOf,
  usageOf,
  writeCompletions,
  writeScores,
} from './records.ts'

/** What was asked, without the samples wanted of it. */
export interface Question {
  /** Endpoint and model, `http://host:port/v1#name`. */
  readonly who: string
  readonly prompt: string
  readonly sampler: string
}

/** A completion that is there, and what its request took; the request's first completion carries that. */
export interface Kept {
  readonly completion: Completion
  readonly usage: Usage | null
}

/** What a ledger found when it was opened. */
interface Findings {
  readonly answers: number
  /** Requests that went out and whose answer is not there: the process ended before it came. Each may be billed again.
   *  Those of other processes that are at work right now count too. */
  readonly unanswered: number
  /** Answers read by other code than this, which are asked for again. */
  readonly outdated: number
  /** Corrupted stretches that were skipped, `file at offset`. */
  readonly corrupted: readonly string[]
  /** What answers took, by who was asked; answers of a writer with another tag are not counted. */
  readonly spent: readonly { readonly who: string; readonly usage: Usage }[]
}

/** Intents and answers of all models of a run, in one journal. */
export interface Ledger {
  readonly found: Findings
  /** Completions 0 to n-1 of a question, as far as they are there and hold under this length limit. */
  completions(question: Question, n: number, maxTokens: number): Promise<(Kept | undefined)[]>
  /** Scores from token `from` on, if they are there. */
  scores(question: Question, from: number): Promise<{ scores: readonly TokenScore[]; usage: Usage } | null>
  /** Asks, with the intent on disk before and the answer on disk after. When the signal aborts, the intent stays open: the
   *  request may have been billed. One that is `noted` has its intent elsewhere. */
  sample(
    question: Question,
    part: {
      readonly first: number
      readonly n: number
      readonly maxTokens: number
      readonly noted?: boolean
    },
    ask: () => Promise<{ completions: readonly Completion[]; usage: Usage }>,
    signal?: AbortSignal,
  ): Promise<void>
  score(
    question: Question,
    from: number,
    ask: () => Promise<{ scores: readonly TokenScore[]; usage: Usage }>,
    signal?: AbortSignal,
  ): Promise<void>
  close(): Promise<void>
}

type Answer = Extract<Head, { t: 'sampled' | 'scored' }>
interface Place {
  readonly head: Answer
  readonly entry: Entry
}

/** Opens the ledger in a folder; several processes may do so at once. `tag` names this one's share of a run. */
export async function openLedger(folder: string, tag = 'all'): Promise<Ledger> {
  const journal = await openJournal(folder, tag)
  const { index, found } = survey(journal, tag)
  let intents = 0
  const asking = async (
    { prompt: q, sampler: s }: Question,
    { f, c, noted = false }: { readonly f: number; readonly c: number; readonly noted?: boolean | undefined },
    ask: () => Promise<{ answer: Omit<Answer, 'n' | 'q' | 's'>; body: Buffer }>,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const n = intents++
    if (!noted) await journal.append({ t: 'asked', n, q, s, f, c } satisfies Head)
    let answered: Awaited<ReturnType<typeof ask>>
    try {
      answered = await ask()
    } catch (error) {
      if (signal?.aborted !== true && !noted) await journal.append({ t: 'failed', n } satisfies Head)
      throw error
    }
    const head = { ...answered.answer, n, q, s } as Answer
    add(index, { head, entry: await journal.append(head, answered.body) })
  }
  return {
    found,
    completions: (question, n, maxTokens) => keptCompletions(journal, index, question, n, maxTokens),
    scores: (question, from) => keptScores(journal, index, question, from),
    sample: (question, { first: f, n, maxTokens: m, noted }, ask, signal) => {
      const answered = async () => {
        const { completions, usage } = await ask()
        const e = completions.map(({ finishReason }) => finishReason[0]).join('')
        const answer = {
          t: 'sampled' as const,
          f,
          m,
          e,
          p: parserVersion,
          w: question.who,
          u: tupleOf(usage),
        }
        return { answer, body: writeCompletions(completions) }
      }
      return asking(question, { f, c: n, noted }, answered, signal)
    },
    score: (question, f, ask, signal) => {
      const answered = async () => {
        const { scores, usage } = await ask()
        const answer = { t: 'scored' as const, f, p: parserVersion, w: question.who, u: tupleOf(usage) }
        return { answer, body: writeScores(scores) }
      }
      return asking(question, { f, c: 0 }, answered, signal)
    },
    close: () => journal.close(),
  }
}

/** Answers by question; first come, first kept: every reader of the same files finds the same. */
type Index = Map<string, Place[]>

function add(index: Index, place: Place): void {
  const key = place.head.q + place.head.s
  const there = index.get(key)
  if (there === undefined) index.set(key, [place])
  else there.push(place)
}

function survey(journal: Journal, tag: string): { index: Index; found: Findings } {
  const index: Index = new Map()
  const open = new Set<string>()
  const spent: { who: string; usage: Usage }[] = []
  let [answers, outdated] = [0, 0]
  for (const entry of journal.entries) {
    const head = readHead(entry.head)
    if (head === null) {
      outdated++
      continue
    }
    const intent = `${entry.file} ${head.n}`
    if (head.t === 'asked') open.add(intent)
    else open.delete(intent)
    if (head.t === 'asked' || head.t === 'failed') continue
    if (counts(tagOf(entry.file), tag)) spent.push({ who: head.w, usage: usageOf(head.u) })
    if (head.p === parserVersion) {
      add(index, { head, entry })
      answers++
    } else outdated++
  }
  const corrupted = journal.damage
    .filter(({ kind }) => kind === 'corrupted')
    .map(({ file, offset, bytes }) => `${file}: ${bytes} bytes at ${offset}`)
  return { index, found: { answers, unanswered: open.size, outdated, corrupted, spent } }
}

/** Parts of one split have budgets of their own; what was spent under another split counts for all. */
const counts = (theirs: string, own: string): boolean =>
  theirs === own || theirs.split('of')[1] !== own.split('of')[1]

async function keptCompletions(
  journal: Journal,
  index: Index,
  { prompt, sampler }: Question,
  n: number,
  maxTokens: number,
): Promise<(Kept | undefined)[]> {
  const found = Array<Kept | undefined>(n).fill(undefined)
  for (const { head, entry } of index.get(prompt + sampler) ?? []) {
    if (head.t !== 'sampled' || !mayHold(head, found, maxTokens)) continue
    const body = await journal.read(entry)
    // Corrupted since the ledger was opened: as good as not there.
    if (body === null) continue
    for (const [i, completion] of readCompletions(body).entries()) {
      const at = head.f + i
      if (at >= n || found[at] !== undefined || !holds(completion, head.m, maxTokens)) continue
      found[at] = { completion, usage: i === 0 ? usageOf(head.u) : null }
    }
  }
  return found
}

/** Whether a record can have something that is still wanted, from its head alone. */
const mayHold = (
  { f, m, e }: Extract<Answer, { t: 'sampled' }>,
  found: readonly unknown[],
  maxTokens: number,
): boolean =>
  Array.from(e).some(
    (end, i) => f + i < found.length && found[f + i] === undefined && (end === 's' || m === maxTokens),
  )

/** An answer that stopped by itself is the same under every limit that it fits in; one that was cut off is of its limit.
 *  A shorter limit needs the exact length, which only ids give. */
function holds({ finishReason, tokenIds }: Completion, under: number, maxTokens: number): boolean {
  if (under === maxTokens) return true
  if (finishReason !== 'stop') return false
  return maxTokens > under || (tokenIds !== null && tokenIds.length <= maxTokens)
}

async function keptScores(
  journal: Journal,
  index: Index,
  { prompt, sampler }: Question,
  from: number,
): Promise<{ scores: readonly TokenScore[]; usage: Usage } | null> {
  for (const { head, entry } of index.get(prompt + sampler) ?? []) {
    if (head.t !== 'scored' || head.f > from) continue
    const body = await journal.read(entry)
    if (body !== null) return { scores: readScores(body).slice(from - head.f), usage: usageOf(head.u) }
  }
  return null
}
