import type { AuditSummary, Rate } from '../store/audit-summary.ts'
import { formatCount, table } from './table.ts'

/** What an audit found, for a terminal. */
export function auditText(audit: AuditSummary): string {
  return [verdict(audit), benchmarks(audit), ...warnings(audit), ...selfTest(audit), ...review(audit)].join(
    '\n\n',
  )
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

const rate = ({ count, of, low, high }: Rate): string =>
  of === 0
    ? '0 of 0'
    : `${formatCount(count)} of ${formatCount(of)} (${percent(count / of)}; ${percent(low)} to ${percent(high)})`

function verdict({ status, rows, scan, judged_by: by }: AuditSummary): string {
  const items = scan.benchmarks.reduce((sum, benchmark) => sum + benchmark.items, 0)
  return [
    `${status.toUpperCase()} by ${by.rule}: ${rate(rows.contaminated)} rows contaminated, ${formatCount(rows.partial.count)} partial`,
    `Looked for ${formatCount(scan.index.texts)} texts of ${formatCount(items)} items, ${formatCount(scan.index.ngrams7)} 7-grams (index ${scan.index.sha256.slice(0, 16)}), in ${formatCount(scan.corpus.bytes)} bytes.`,
  ].join('\n')
}

function benchmarks({ benchmarks: found, scan }: AuditSummary): string {
  const rows = found.map((benchmark, i) => {
    const looked = scan.benchmarks[i]
    const items = looked?.items ?? 0
    const visible = items === 0 ? '-' : percent(1 - (looked?.undetectable_13 ?? 0) / items)
    return [
      [benchmark.benchmark, benchmark.config, benchmark.split].filter((part) => part !== '').join(' '),
      rate(benchmark.contaminated),
      benchmark.partial,
      benchmark.question_only,
      benchmark.question_and_answer,
      benchmark.answer_only,
      benchmark.rows,
      visible,
    ]
  })
  const heads = [
    'benchmark',
    'contaminated items (95 %)',
    'partial',
    'question only',
    'with answer',
    'answer only',
  ]
  return table([[...heads, 'rows hit', 'of 13 words or more'], ...rows])
}

function warnings({ scan }: AuditSummary): string[] {
  const lines = [
    ...scan.benchmarks
      .filter(({ without_feature: blind }) => blind.length > 0)
      .map(
        ({ benchmark, without_feature: blind }) =>
          `warning: ${benchmark} has ${blind.length} items without a word, which cannot be found: ${blind.slice(0, 10).join(', ')}`,
      ),
    ...scan.corpus.files.flatMap(({ file, skipped }) =>
      skipped.map(({ reason, rows }) => `warning: ${file}: ${formatCount(rows)} rows not read: ${reason}`),
    ),
    ...scan.corpus.files.flatMap(({ damage }) =>
      damage === null ? [] : [`warning: a file breaks off, what lies behind was not read: ${damage}`],
    ),
    ...(scan.corpus.rows_without_text > 0
      ? [`warning: ${formatCount(scan.corpus.rows_without_text)} rows have no text in the fields looked at`]
      : []),
  ]
  return lines.length === 0 ? [] : [lines.join('\n')]
}

function selfTest({ self_test: test }: AuditSummary): string[] {
  if (test === null) return []
  const rows = test.kinds
    .filter(({ contaminated }) => contaminated.of > 0)
    .map(({ kind, expected, contaminated, partial }) => [
      kind,
      expected === 'found' ? 'a leak' : 'no leak',
      rate(contaminated),
      partial,
    ])
  return [table([['planted', 'it is', 'called contaminated (95 %)', 'partial'], ...rows])]
}

function review({ review: found }: AuditSummary): string[] {
  if (found === null) return []
  return [
    `For review (review.parquet): ${rate(found.paraphrase)} rows look rephrased, ${rate(found.numbers)} renumbered.`,
  ]
}
