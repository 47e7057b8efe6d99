import { FulcrumError } from '../../errors.ts'
import { map } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Column, type Row } from '../../record/columns.ts'
import { buildNgramIndex } from '../../text/ngram-index.ts'
import { words } from '../../text/words.ts'
import { type BenchmarkFile, type BenchmarkText, nameOf, readBenchmark, sha256Of } from './benchmarks.ts'
import { allowList, commonNgrams, defaultThresholds, judge, type TextVerdict } from './verdict.ts'

const adds = {
  decon_status: col.string('clean or partial; contaminated rows are dropped'),
  decon_benchmark: col.nullable(col.string('benchmark of the item that decided; null for clean rows')),
  decon_item_id: col.nullable(col.string('item that decided: its id, else its row number from 1')),
  decon_ratio7: col.double(
    'largest share of 7-grams shared with one benchmark item, of the smaller text, 0 to 1',
  ),
  decon_ngram13: col.nullable(col.string('first shared 13-gram that is not allowed')),
}

export interface DecontaminateOptions<Field extends string = 'problem'> {
  readonly against: readonly BenchmarkFile[]
  /** Columns to look at, each as a text of its own; the worst verdict decides. By default `problem`, and `completion`
   *  where rows have one. */
  readonly fields?: readonly Field[]
  /** 7-gram ratio above which a text is partial: kept and marked. Our default, not published: 0.2. */
  readonly info?: number
  /** 7-gram ratio from which a text is contaminated. Our default, not published: 0.5; 0.3 is strict. */
  readonly contaminated?: number
  /** Common phrases whose 13-grams do not count, besides the published ones. */
  readonly allow?: readonly string[]
}

/** Drops rows that hold benchmark items, by Algorithm 1 of Phi-4 (arXiv 2412.08905, appendix B.1): 13-grams with an
 *  allow-list, then the 7-gram ratio of each item. Items under 13 words are also found by equality with the whole
 *  text, which is our extension. Rephrased items are not found. */
export function decontaminate<Field extends string = 'problem'>(
  options: DecontaminateOptions<Field>,
): Stage<Readonly<Record<Field, Column<string>>>, typeof adds> {
  const { against, fields, allow = [] } = options
  const thresholds = {
    info: options.info ?? defaultThresholds.info,
    contaminated: options.contaminated ?? defaultThresholds.contaminated,
  }
  checkOptions(against, thresholds)
  const needed: readonly string[] = fields ?? ['problem']
  const looked = fields ?? ['problem', 'completion']
  const isAllowed = allowList([...commonNgrams, ...allow])
  const identity = against.map((benchmark) => ({
    name: nameOf(benchmark),
    sha256: sha256Of(benchmark),
    fields: benchmark.fields ?? null,
  }))

  let scanner: Scanner | undefined
  let loading: Promise<Scanner> | undefined
  const load = async (run: Run): Promise<Scanner> => {
    loading ??= loadScanner(against, thresholds, isAllowed, run)
    return (scanner = await loading)
  }
  return map({
    name: 'decontaminate',
    needs: Object.fromEntries(needed.map((field) => [field, col.string('text to compare')])),
    adds,
    options: { against: identity, fields: looked, ...thresholds, allow },
    each: (row, run) =>
      scanner === undefined
        ? load(run).then((loaded) => columnsOf(worst(loaded, row, looked)))
        : columnsOf(worst(scanner, row, looked)),
  }) as Stage<Readonly<Record<Field, Column<string>>>, typeof adds>
}

interface Found extends TextVerdict {
  readonly item: BenchmarkText | null
}

/** Judges one text. */
export type Scanner = (text: string) => Found

async function loadScanner(
  against: readonly BenchmarkFile[],
  thresholds: { readonly info: number; readonly contaminated: number },
  isAllowed: (ngram13: string) => boolean,
  run: Run,
): Promise<Scanner> {
  const loaded = await Promise.all(against.map(readBenchmark))
  const empty = loaded.reduce((sum, file) => sum + file.empty, 0)
  if (empty > 0) run.count('benchmark items without words', empty)
  return createScanner(
    loaded.flatMap(({ texts }) => texts),
    thresholds,
    isAllowed,
  )
}

/** The verdict on a text against the given benchmark texts. */
export function createScanner(
  texts: readonly BenchmarkText[],
  thresholds = defaultThresholds,
  isAllowed = allowList(commonNgrams),
): Scanner {
  const index = buildNgramIndex(texts.map((text) => text.words))
  const shortItems = new Map<string, number>()
  texts.forEach((text, entry) => {
    const key = text.words.join(' ')
    if (text.words.length < 13 && !shortItems.has(key)) shortItems.set(key, entry)
  })
  return (text) => {
    const found = words(text)
    const verdict = judge(index.find(found), thresholds, isAllowed)
    const same = found.length < 13 ? shortItems.get(found.join(' ')) : undefined
    const decided =
      same === undefined
        ? verdict
        : ({
            status: 'contaminated',
            rule: 'short item',
            entry: same,
            ratio7: verdict.ratio7,
            ngram13: null,
          } as const)
    return { ...decided, item: decided.entry === null ? null : (texts[decided.entry] ?? null) }
  }
}

const severity = { clean: 0, partial: 1, contaminated: 2 }

function worst(scan: Scanner, row: Readonly<Record<string, unknown>>, fields: readonly string[]): Found {
  let found: Found | null = null
  for (const field of fields) {
    const text = row[field]
    if (typeof text !== 'string') continue
    const next = scan(text)
    const more = found === null ? 1 : severity[next.status] - severity[found.status]
    if (found === null || more > 0 || (more === 0 && next.ratio7 > found.ratio7)) found = next
  }
  return found ?? scan('')
}

function columnsOf({ status, rule, item, ratio7, ngram13 }: Found): Row<typeof adds> | { drop: string } {
  if (status === 'contaminated' && item !== null) {
    return { drop: `contaminated (${String(rule)}): ${item.benchmark} item ${item.itemId}` }
  }
  return {
    decon_status: status,
    decon_benchmark: item?.benchmark ?? null,
    decon_item_id: item?.itemId ?? null,
    decon_ratio7: ratio7,
    decon_ngram13: ngram13,
  }
}

function checkOptions(
  against: readonly BenchmarkFile[],
  { info, contaminated }: { readonly info: number; readonly contaminated: number },
): void {
  if (against.length === 0) {
    throw new FulcrumError(
      'config',
      'decontaminate has no benchmark to compare with',
      'Give at least one file in `against`, or leave the stage out.',
    )
  }
  if (!(info >= 0 && info <= contaminated && contaminated <= 1)) {
    throw new FulcrumError(
      'config',
      `decontaminate has info ${info} and contaminated ${contaminated}`,
      'Both are shares of 7-grams: 0 <= info <= contaminated <= 1.',
    )
  }
}
