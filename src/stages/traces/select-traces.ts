import { FulcrumError } from '../../errors.ts'
import type { NoColumns } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col, type Columns, type Row } from '../../record/columns.ts'
import type { Verifier } from '../../verify/verifier.ts'
import { agreementOf } from './agreement.ts'
import { byProblem } from './by-problem.ts'
import { farApart } from './distinct-traces.ts'
import { hasEnded } from './plurality.ts'

const trace = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  completion: col.string('worked answer'),
}

const judged = { ...trace, verdict: col.string('equal where the answer is the reference answer') }

/** Of the correct traces of a problem: all, the shortest ones, or ones far from each other. */
export interface SelectCorrect {
  readonly keep: 'all' | 'shortest' | 'diverse'
  /** Most traces a problem; 1 by default with shortest and diverse. */
  readonly count?: number
  /** Words of an n-gram, for the distance of diverse traces; 3 by default. */
  readonly ngram?: number
}

/** The traces that state the plurality answer, whatever the reference says. */
export interface SelectMajority {
  readonly keep: 'majority'
  readonly verifier: Verifier
  readonly count?: number
  readonly concurrency?: number
}

/** Keeps some traces of each problem and drops the others with the reason. Lengths are in tokens, or in characters where
 *  an engine hides its tokens; of equals the one launched first stays. */
export function selectTraces(of: SelectCorrect): Stage<typeof judged, NoColumns>
export function selectTraces(of: SelectMajority): Stage<typeof trace, NoColumns>
export function selectTraces(of: SelectCorrect | SelectMajority): Stage<Columns, NoColumns> {
  const { keep } = of
  const count = of.count ?? (keep === 'shortest' || keep === 'diverse' ? 1 : null)
  const ngram = keep === 'diverse' ? (of.ngram ?? 3) : null
  for (const [name, value] of Object.entries({ count, ngram })) {
    if (value === null || (Number.isInteger(value) && value >= 1)) continue
    throw new FulcrumError(
      'config',
      `selectTraces has ${name} ${value}`,
      'Give a whole number of at least 1.',
    )
  }
  const most = count ?? Infinity
  const verifier = of.keep === 'majority' ? of.verifier : null
  return byProblem<Columns, NoColumns>({
    name: 'selectTraces',
    needs: keep === 'majority' ? trace : judged,
    adds: {},
    options: { keep, count, ngram, verifier: verifier?.id ?? null },
    concurrency: of.keep === 'majority' ? of.concurrency : 1,
    each: async (rows) => {
      const traces = rows as readonly TraceRow[]
      const fit = verifier === null ? correct(traces) : await majority(traces, verifier)
      const chosen = new Set(choose(traces, indicesOf(fit), { keep, most, ngram: ngram ?? 1 }))
      const unfit = verifier === null ? 'not correct' : 'not the plurality answer'
      return fit.map((fits, i) =>
        chosen.has(i) ? {} : { drop: fits ? `other traces were kept: ${keep}` : unfit },
      )
    },
  })
}

type TraceRow = Row<typeof trace> & { readonly verdict?: string }

const correct = (traces: readonly TraceRow[]): boolean[] => traces.map(({ verdict }) => verdict === 'equal')

async function majority(traces: readonly TraceRow[], verifier: Verifier): Promise<readonly boolean[]> {
  const stated = traces.map((row) => ({ text: row.completion, ended: hasEnded(row) }))
  return (await agreementOf(stated, verifier, traces[0]?.problem ?? '')).members
}

const indicesOf = (fit: readonly boolean[]): number[] => fit.flatMap((fits, i) => (fits ? [i] : []))

function choose(
  traces: readonly TraceRow[],
  fit: readonly number[],
  { keep, most, ngram }: { readonly keep: string; readonly most: number; readonly ngram: number },
): readonly number[] {
  if (keep === 'diverse') {
    const texts = fit.map((i) => (traces[i] as TraceRow).completion)
    return farApart(texts, most, ngram).map((i) => fit[i] as number)
  }
  const length = (i: number): number => lengthOf(traces[i] as TraceRow)
  const order = keep === 'shortest' ? [...fit].sort((a, b) => length(a) - length(b)) : fit
  return order.slice(0, most)
}

function lengthOf(row: TraceRow): number {
  const { completion_ids: ids } = row as { readonly completion_ids?: readonly number[] | null }
  return ids?.length ?? row.completion.length
}
