import type { AuditSummary } from '../../store/audit-summary.ts'
import { markup, type Markup } from '../html.ts'
import { whole } from '../measured.ts'
import { percent, rateBar, rateText } from './rates.ts'

type Cell = Markup | string | number

/** A table of a report; numbers stand to the right. */
export function tableOf(heads: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  const cell = (value: Cell): Markup =>
    typeof value === 'number'
      ? markup`<td class="n mid">${whole(value)}</td>`
      : markup`<td class="mid path">${value}</td>`
  const isNumber = heads.map((_, i) => typeof rows[0]?.[i] === 'number')
  return markup`<div class="card scroll">
    <table>
      <thead>
        <tr>
          ${heads.map((head, i) => markup`<th class="${isNumber[i] === true ? 'n' : ''}">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => markup`<tr>${row.map(cell)}</tr>`)}
      </tbody>
    </table>
  </div>`
}

/** Benchmarks: what leaked, how much of it, and what of them cannot be seen. */
export function benchmarkSection({ benchmarks, scan }: AuditSummary): Markup {
  const rows = benchmarks.map((found, i) => {
    const looked = scan.benchmarks[i]
    const items = looked?.items ?? found.contaminated.of
    const seen = (missed: number): string => (items === 0 ? '–' : percent(1 - missed / items))
    return [
      markup`<b class="name">${nameOf(found)}</b><small>${whole(looked?.texts ?? 0)} texts of ${whole(items)} items</small>`,
      markup`${seen(looked?.undetectable_13 ?? 0)}<small
          >by 7 words: ${seen(looked?.undetectable_7 ?? 0)}</small
        >`,
      rateText(found.contaminated),
      rateBar(found.contaminated, 'contaminated'),
      found.partial,
      found.question_only,
      found.question_and_answer,
      found.answer_only,
      found.rows,
    ]
  })
  const heads = ['benchmark', 'long enough for 13-grams', 'contaminated items', '', 'partial items']
  return markup`<h2>By benchmark</h2>
    ${tableOf([...heads, 'question only', 'with answer', 'answer only', 'rows hit'], rows)}
    ${blindSpots(scan.benchmarks)}`
}

function blindSpots(looked: AuditSummary['scan']['benchmarks']): Markup {
  const keyOnly = looked.filter((one) => one.key_only > 0)
  const blind = looked.filter((one) => one.without_feature.length > 0)
  const doubled = looked.filter((one) => one.duplicate_ids > 0)
  const lines = [
    ...keyOnly.map(
      (one) =>
        `${nameOf(one)}: ${whole(one.key_only)} of ${whole(one.items)} items have fewer than 7 words; they are found only where a text is exactly that item.`,
    ),
    ...blind.map(
      (one) =>
        `${nameOf(one)}: ${whole(one.without_feature.length)} items have no word and cannot be found at all: ${one.without_feature.slice(0, 20).join(', ')}${one.without_feature.length > 20 ? ' …' : ''}`,
    ),
    ...doubled.map(
      (one) =>
        `${nameOf(one)}: ${whole(one.duplicate_ids)} ids came twice; the later ones are told apart as id#2.`,
    ),
  ]
  if (lines.length === 0) return markup``
  return markup`<div class="card warning">${lines.map((line) => markup`<div>${line}</div>`)}</div>`
}

/** Files of the corpus, and parts of records. */
export function sourceSection({ sources, scan, places }: AuditSummary): Markup {
  const rows = sources.map((source, i) => {
    const file = scan.corpus.files[i]
    const skipped = [
      ...(file?.skipped ?? []).map(({ reason, rows: count }) => `${whole(count)} ${reason}`),
      ...(file?.damage == null ? [] : [`the file breaks off: ${file.damage}`]),
    ]
    return [
      markup`<b>${source.file}</b
        ><small>${whole(file?.rows ?? 0)} rows, ${whole(file?.bytes ?? 0)} bytes</small>`,
      rateText(source.contaminated),
      rateBar(source.contaminated, 'contaminated'),
      source.partial,
      skipped.length === 0 ? 'none' : skipped.join(' · '),
    ]
  })
  return markup`<h2>By source</h2>
    ${tableOf(['file', 'contaminated rows', '', 'partial rows', 'rows not read'], rows)}
    ${
      places.length === 0
        ? ''
        : tableOf(
            ['part of the record', 'contaminated texts', 'partial texts'],
            places.map(({ place, contaminated, partial }) => [place, contaminated, partial]),
          )
    }`
}

/** n-grams that did not count, and those a user may want not to. */
export function exclusionSection({ exclusions, frequent }: AuditSummary): Markup {
  const ngram = (text: string): Markup => markup`<span class="ngram">${text}</span>`
  return markup`<h2>Common n-grams</h2>
    ${
      exclusions.length === 0
        ? markup`<p class="soft">No shared n-gram was left out.</p>`
        : tableOf(
            ['left out', 'why', 'rows that hold it', 'rows it would have removed'],
            exclusions.map((one) => [ngram(one.ngram), one.why, one.rows, one.would_have_removed]),
          )
    }
    ${
      frequent.length === 0
        ? ''
        : markup`<details><summary>The most frequent benchmark 7-grams in the corpus: candidates for an allow-list</summary>${tableOf(
            ['7-gram', 'rows that hold it', 'texts of items that hold it'],
            frequent.map((one) => [ngram(one.ngram), one.rows, one.texts]),
          )}</details>`
    }`
}

/** What planted leaks and hard negatives came to. */
export function selfTestSection({ self_test: test, judged_by: { rule } }: AuditSummary): Markup {
  if (test === null) return markup``
  const rows = (expected: 'found' | 'clean') =>
    test.kinds
      .filter((kind) => kind.expected === expected && kind.contaminated.of > 0)
      .map(({ kind, contaminated, partial }) => [
        kind,
        rateText(contaminated),
        rateBar(contaminated, expected === 'found' ? 'clean' : 'contaminated'),
        partial,
      ])
  const lacking = test.kinds.filter(({ contaminated }) => contaminated.of === 0).map(({ kind }) => kind)
  return markup`<h2>Self-test</h2>
    <p class="soft">
      Known items planted in ${whole(test.hosts)} clean texts of this corpus and judged as above (${rule}, seed ${test.seed}).
      Items are drawn from all ${whole(test.items)}, also those too short for any rule.${lacking.length === 0 ? '' : ` Not planted, since no item has choices: ${lacking.join(', ')}.`}
    </p>
    ${tableOf(['planted leak', 'found', 'recall', 'partial'], rows('found'))}
    ${tableOf(['hard negative', 'called contaminated', 'false-positive rate', 'partial'], rows('clean'))}`
}

/** A benchmark with its config and split, where it has them. */
export const nameOf = ({
  benchmark,
  config,
  split,
}: {
  benchmark: string
  config: string
  split: string
}): string => [benchmark, config, split].filter((part) => part !== '').join(' · ')
