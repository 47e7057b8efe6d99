import { FulcrumError } from '../../errors.ts'
import { map } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Column, type Columns, type Row } from '../../record/columns.ts'
import { type BenchmarkChoice, benchmarkIdentity } from '../../store/benchmarks/benchmarks.ts'
import { type BenchmarkSummary, benchmarkTexts } from '../../store/benchmarks/texts.ts'
import type { ItemText } from './evidence.ts'
import { isWorse } from './judge.ts'
import { judgingOf } from './judging.ts'
import { entriesFor } from './phrases.ts'
import { placedTexts } from './places.ts'
import type { Judging, RuleName } from './rules.ts'
import { createTextJudge, type FoundVerdict, type TextJudge } from './text-judge.ts'

const adds = {
  decon_status: col.string('clean or partial; contaminated rows are dropped'),
  decon_benchmark: col.nullable(col.string('benchmark of the item that decided; null for clean rows')),
  decon_item_id: col.nullable(col.string('item that decided: its id, else its row number from 1')),
  decon_ratio7: col.double(
    'largest share of 7-grams shared with one benchmark item, of the smaller text, 0 to 1; with a rule other than phi4 and strict, its own measure',
  ),
  decon_ngram13: col.nullable(col.string('first shared 13-gram that is not allowed')),
  decon_field: col.nullable(col.string('field that decided; null for clean rows')),
  decon_span_start: col.nullable(
    col.int32('where the longest run shared with that item begins, UTF-8 bytes of the field'),
  ),
  decon_span_end: col.nullable(col.int32('byte behind it')),
}

type Adds = typeof adds

/** The same columns under another name, as problem_decon_status. */
type AddsAs<Name extends string> = { readonly [Column in keyof Adds as `${Name}_${Column}`]: Adds[Column] }

type Needs<Field extends string> = Readonly<Record<Field, Column<string>>>

export interface DecontaminateOptions<Field extends string = 'problem'> {
  /** Names of the registry whose files are in the cache, files, or NAME=PATH. */
  readonly against: readonly BenchmarkChoice[]
  /** Columns to look at, each as a text of its own, a reasoning trace in <think> as another; the worst verdict decides.
   *  By default `problem`, and `completion` where rows have one. */
  readonly fields?: readonly Field[]
  /** phi4 by default; see `rules.ts`. */
  readonly rule?: RuleName
  /** 7-gram ratio above which a text is partial: kept and marked. Our default, not published: 0.2. */
  readonly info?: number
  /** 7-gram ratio from which a text is contaminated. Our default, not published: 0.5; 0.3 is strict. */
  readonly contaminated?: number
  /** Common phrases whose 13-grams do not count, besides the published ones. */
  readonly allow?: readonly string[]
}

/** Problems are decontaminated before rollouts are bought, traces when they are written: the first of two such stages has a
 *  name of its own, `decontaminate-NAME`, and its columns have it too, `NAME_decon_status`. */
export interface DecontaminateAs<Name extends string> {
  readonly as: Name
}

/** Drops rows that hold benchmark items, by Algorithm 1 of Phi-4 (arXiv 2412.08905, appendix B.1): 13-grams with an
 *  allow-list, then the 7-gram ratio of each item. Items under 13 words are also found by equality with the whole
 *  text, which is our extension. Rephrased items are not found. */
export function decontaminate<Name extends string, Field extends string = 'problem'>(
  options: DecontaminateOptions<Field> & DecontaminateAs<Name>,
): Stage<Needs<Field>, AddsAs<Name>>
export function decontaminate<Field extends string = 'problem'>(
  options: DecontaminateOptions<Field>,
): Stage<Needs<Field>, Adds>
export function decontaminate(
  options: DecontaminateOptions<string> & Partial<DecontaminateAs<string>>,
): Stage<Columns, Columns> {
  const { against, fields, allow = [] } = options
  if (against.length === 0) {
    throw new FulcrumError(
      'config',
      'decontaminate has no benchmark to compare with',
      'Give at least one file in `against`, or leave the stage out.',
    )
  }
  const judging = judgingOf({ ...options, allow: entriesFor(allow, 'allowed by the pipeline') })
  const needed: readonly string[] = fields ?? ['problem']
  const looked = fields ?? ['problem', 'completion']
  // Read at once: a missing benchmark must stop a run before it spends.
  const identity = against.map((choice) => benchmarkIdentity(choice))
  const { rule, info, contaminated, leastNgrams } = judging
  const made = { against: identity, rule, info, contaminated, leastNgrams, allow }

  let judge: TextJudge | undefined
  let loading: Promise<TextJudge> | undefined
  const load = async (run: Run): Promise<TextJudge> => {
    loading ??= sharedJudge(made, () => loadJudge(against, judging, run))
    return (judge = await loading)
  }
  const prefix = options.as === undefined ? '' : `${options.as}_`
  const prefixed = <T>(of: Readonly<Record<string, T>>): Record<string, T> =>
    prefix === '' ? of : Object.fromEntries(Object.entries(of).map(([name, value]) => [prefix + name, value]))
  const outcome = (
    loaded: TextJudge,
    row: Readonly<Record<string, unknown>>,
  ): Row<Columns> | { drop: string } => {
    const columns = columnsOf(worst(loaded, row, looked))
    return 'drop' in columns ? columns : prefixed(columns)
  }
  return map<Columns, Columns>({
    name: options.as === undefined ? 'decontaminate' : `decontaminate-${options.as}`,
    decontaminates: looked,
    needs: Object.fromEntries(needed.map((field) => [field, col.string('text to compare')])),
    adds: prefixed<Column>(adds),
    options: { ...made, fields: looked },
    each: (row, run) =>
      judge === undefined ? load(run).then((loaded) => outcome(loaded, row)) : outcome(judge, row),
  })
}

/** Indexes in use, by what they were made of: the two such stages of a pipeline share one. */
const judges = new Map<string, WeakRef<Promise<TextJudge>>>()

function sharedJudge(of: object, loadNew: () => Promise<TextJudge>): Promise<TextJudge> {
  const key = JSON.stringify(of)
  const known = judges.get(key)?.deref()
  if (known !== undefined) return known
  const judge = loadNew()
  judges.set(key, new WeakRef(judge))
  return judge
}

async function loadJudge(
  against: readonly BenchmarkChoice[],
  judging: Judging,
  run: Run,
): Promise<TextJudge> {
  const texts: ItemText[] = []
  for (const choice of against) {
    const onSummary = ({ empty }: BenchmarkSummary): void => {
      if (empty.length > 0) run.count('benchmark items without words', empty.length)
    }
    for await (const text of benchmarkTexts(choice, { onSummary })) if (text.isFeature) texts.push(text)
  }
  return createTextJudge(texts, judging)
}

interface Found {
  readonly verdict: FoundVerdict
  readonly field: string
  /** UTF-8 bytes of the field before the part that was judged. */
  readonly partStart: number
}

function worst(
  judge: TextJudge,
  row: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): Found | null {
  let found: Found | null = null
  for (const field of fields) {
    const value = row[field]
    if (typeof value !== 'string') continue
    for (const { text, byteStart: partStart } of placedTexts(row, field, value)) {
      const verdict = judge(text)
      if (found === null || isWorse(verdict, found.verdict)) found = { verdict, field, partStart }
    }
  }
  return found
}

function columnsOf(found: Found | null): Row<typeof adds> | { drop: string } {
  const {
    status = 'clean',
    reason = null,
    pair = null,
    score = 0,
    ngram = null,
    span = null,
  } = found?.verdict ?? {}
  if (status === 'contaminated' && pair !== null) {
    return { drop: `contaminated (${String(reason)}): ${pair.item.benchmark} item ${pair.item.itemId}` }
  }
  const { field, partStart } = found ?? { field: null, partStart: 0 }
  return {
    decon_status: status,
    decon_benchmark: pair?.item.benchmark ?? null,
    decon_item_id: pair?.item.itemId ?? null,
    decon_ratio7: score,
    decon_ngram13: ngram,
    decon_field: pair === null ? null : field,
    decon_span_start: span === null ? null : span.byteStart + partStart,
    decon_span_end: span === null ? null : span.byteEnd + partStart,
  }
}
