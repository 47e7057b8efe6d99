import { wilson } from '../../../statistics/estimate.ts'
import type { AuditSummary, Rate, Scan } from '../../../store/audit-summary.ts'
import { itemKey, severity } from '../judge.ts'
import type { Status } from '../rules.ts'
import type { EvidenceGroup } from './evidence-groups.ts'
import type { JudgedRow } from './judge-row.ts'
import type { StoredPair } from './evidence-row.ts'
import type { JudgedPair } from '../judge.ts'

/** What became of one item. */
interface ItemState {
  status: Status
  question: boolean
  answer: boolean
}

/** Counts what judged rows add up to, both ways: rows of the corpus and items of the benchmarks. */
export interface Tally {
  add(group: EvidenceGroup, judged: JudgedRow): void
  /** Items of a benchmark's split that a text was judged by, with the worst verdict. */
  readonly statusOf: (item: Parameters<typeof itemKey>[0]) => Status
  summary(): Pick<AuditSummary, 'rows' | 'places' | 'sources' | 'benchmarks'>
}

/** A count with its 95 % Wilson interval. */
export function rateOf(count: number, of: number): Rate {
  const { low, high } = wilson({ successes: count, trials: of })
  return { count, of, low, high }
}

export function createTally(scan: Scan): Tally {
  const items = new Map<string, ItemState>()
  const rows = new Map<string, Record<Status, number>>()
  const places = new Map<string, Record<Status, number>>()
  const hitRows = new Map<string, number>()

  const addItems = (judged: JudgedRow): void => {
    const hit = new Set<string>()
    for (const { pair, verdict } of judged.texts.flatMap((text) => text.judged)) {
      if (verdict.status === 'clean') continue
      const key = itemKey(pair.item)
      const state = items.get(key) ?? { status: 'clean', question: false, answer: false }
      items.set(key, state)
      note(state, pair, verdict)
      if (verdict.status === 'contaminated') hit.add(splitKey(pair.item))
    }
    for (const split of hit) hitRows.set(split, (hitRows.get(split) ?? 0) + 1)
  }

  return {
    add: ({ file }, judged) => {
      countIn(rows, file, judged.worst.verdict.status)
      for (const { place, verdict } of judged.texts) countIn(places, place, verdict.status)
      addItems(judged)
    },
    statusOf: (item) => items.get(itemKey(item))?.status ?? 'clean',
    summary: () => {
      const all = (status: Status): number => [...rows.values()].reduce((sum, each) => sum + each[status], 0)
      return {
        rows: {
          contaminated: rateOf(all('contaminated'), scan.corpus.rows),
          partial: rateOf(all('partial'), scan.corpus.rows),
          with_evidence: all('clean') + all('partial') + all('contaminated'),
        },
        places: [...places].map(([place, { contaminated, partial }]) => ({ place, contaminated, partial })),
        sources: scan.corpus.files.map(({ file, rows: of }) => ({
          file,
          contaminated: rateOf(rows.get(file)?.contaminated ?? 0, of),
          partial: rows.get(file)?.partial ?? 0,
        })),
        benchmarks: scan.benchmarks.map((benchmark) => benchmarkFigures(benchmark, items, hitRows)),
      }
    },
  }
}

const answerFields = new Set<string>(['answer', 'solution'])

/** A question whose answer stands beside it in the same text leaks both. */
function note(state: ItemState, pair: StoredPair, verdict: JudgedPair['verdict']): void {
  if (severity[verdict.status] > severity[state.status]) state.status = verdict.status
  if (verdict.status !== 'contaminated') return
  if (answerFields.has(pair.item.field)) state.answer = true
  else {
    state.question = true
    if (pair.answerWithin !== null) state.answer = true
  }
}

function countIn(counts: Map<string, Record<Status, number>>, key: string, status: Status): void {
  const found = counts.get(key) ?? { clean: 0, partial: 0, contaminated: 0 }
  counts.set(key, found)
  found[status]++
}

const splitKey = ({
  benchmark,
  config,
  split,
}: {
  benchmark: string
  config: string
  split: string
}): string => JSON.stringify([benchmark, config, split])

function benchmarkFigures(
  { benchmark, config, split, items: of }: Scan['benchmarks'][number],
  items: ReadonlyMap<string, ItemState>,
  hitRows: ReadonlyMap<string, number>,
): AuditSummary['benchmarks'][number] {
  const mine = [...items].flatMap(([key, state]) => {
    const [name, itsConfig, itsSplit, id] = JSON.parse(key) as [string, string, string, string]
    return name === benchmark && itsConfig === config && itsSplit === split ? [{ id, ...state }] : []
  })
  const contaminated = mine.filter(({ status }) => status === 'contaminated')
  const both = contaminated.filter(({ question, answer }) => question && answer).length
  const asked = contaminated.filter(({ question }) => question).length
  return {
    ...{ benchmark, config, split },
    contaminated: rateOf(contaminated.length, of),
    partial: mine.filter(({ status }) => status === 'partial').length,
    question_only: asked - both,
    question_and_answer: both,
    answer_only: contaminated.length - asked,
    rows: hitRows.get(splitKey({ benchmark, config, split })) ?? 0,
    contaminated_ids: contaminated.map(({ id }) => id),
  }
}
