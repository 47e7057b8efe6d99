import { join } from 'node:path'
import { share, wilson } from '../statistics/estimate.ts'
import { type DedupeSummary, readDedupeSummary } from '../store/dedupe-summary.ts'
import { writeWhole } from '../store/files.ts'
import { calibrationChart } from './calibration-chart.ts'
import { htmlDocument } from './document.ts'
import { markup, type Markup } from './html.ts'
import { decimal, whole } from './measured.ts'
import { style } from './style.ts'

/** Writes dedupe.html beside the dedupe.json of a folder, and gives what it shows. */
export async function writeDuplicatesReport(folder: string): Promise<DedupeSummary> {
  const summary = await readDedupeSummary(join(folder, 'dedupe.json'))
  await writeWhole(join(folder, 'dedupe.html'), duplicatesPage(summary))
  return summary
}

/** What a deduplication found, as one page. */
export function duplicatesPage(summary: DedupeSummary): string {
  const { kind, keep, fields, threshold, bands, rows, shingle } = summary.options
  const search =
    kind === 'near'
      ? `${String(shingle)}-word shingles, ${String(bands)} bands of ${String(rows)} rows, Jaccard with the row that stays at least ${String(threshold)}`
      : `${String(kind)} duplicates only`
  const body = markup`<header>
      <h1>Duplicates</h1>
      <p>Texts of ${[fields ?? []].flat().join(', ')} · ${search} · of a cluster stays: ${String(keep)}</p>
    </header>
    ${tiles(summary)} ${kinds(summary)} ${inputs(summary)} ${sizes(summary)} ${calibration(summary)}
    ${largest(summary)}`
  return htmlDocument('Duplicates', style, body)
}

const removedRows = ({ removed }: DedupeSummary): number => removed.exact + removed.normalised + removed.near

const percent = (part: number, of: number): string => (of === 0 ? '–' : `${((100 * part) / of).toFixed(2)} %`)

function tiles(summary: DedupeSummary): Markup {
  const { rows, documents, clusters } = summary
  const removed = removedRows(summary)
  const tile = (value: string, label: string, note: string): Markup =>
    markup`<div class="tile"><b>${value}</b>${label}<br /><small>${note}</small></div>`
  return markup`<div class="tiles">
    ${tile(whole(rows), 'rows', `${whole(documents)} compared`)}
    ${tile(whole(rows - removed), 'rows stay', 'byte for byte')}
    ${tile(whole(removed), 'rows removed', `${percent(removed, documents)} of ${whole(documents)}`)}
    ${tile(whole(clusters), 'clusters', `of ${whole(summary.documents_in_clusters)} rows`)}
  </div>`
}

function tableOf(head: readonly string[], lines: readonly (readonly (string | Markup)[])[]): Markup {
  const cells = (line: readonly (string | Markup)[]): Markup[] =>
    line.map((cell, i) => markup`<td class="${i === 0 ? '' : 'n'}">${cell}</td>`)
  return markup`<div class="card scroll">
    <table>
      <thead>
        <tr>
          ${head.map((name, i) => markup`<th class="${i === 0 ? '' : 'n'}">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${lines.map((line) => markup`<tr>${cells(line)}</tr>`)}
      </tbody>
    </table>
  </div>`
}

function kinds(summary: DedupeSummary): Markup {
  const {
    removed,
    documents,
    rows,
    not_compared: notCompared,
    too_short: tooShort,
    left_out: leftOut,
  } = summary
  const line = (label: string, count: number, of: number): string[] => [
    label,
    whole(count),
    whole(of),
    percent(count, of),
  ]
  return markup`<h2>What was removed, and what could not be compared</h2>
    ${tableOf(
      ['', 'rows', 'of', 'share'],
      [
        line('removed: same bytes as the row that stays', removed.exact, documents),
        line('removed: same words', removed.normalised, documents),
        line('removed: near', removed.near, documents),
        ...Object.entries(notCompared).map(([reason, count]) =>
          line(`stays, not compared: ${reason}`, count, rows),
        ),
        ...(tooShort > 0
          ? [line('compared by bytes and words alone: shorter than a shingle', tooShort, documents)]
          : []),
        ...(leftOut > 0 ? [line('comparisons left out of bounded lists', leftOut, documents)] : []),
      ],
    )}`
}

function inputs({ inputs: files }: DedupeSummary): Markup {
  return markup`<h2>Files</h2>
    ${tableOf(
      ['file', 'rows', 'compared', 'removed', 'share of compared'],
      files.map(({ file, rows, documents, removed }) => [
        file,
        whole(rows),
        whole(documents),
        whole(removed),
        percent(removed, documents),
      ]),
    )}`
}

function sizes({ sizes: found }: DedupeSummary): Markup {
  if (found.length === 0) return markup``
  return markup`<h2>Clusters by size</h2>
    ${tableOf(
      ['rows in the cluster', 'clusters'],
      found.map(({ from, to, clusters }) => [
        from === to ? whole(from) : `${whole(from)} to ${whole(to)}`,
        whole(clusters),
      ]),
    )}`
}

function calibration({ calibration: found, options }: DedupeSummary): Markup {
  if (found === null) return markup``
  const lines = found.bins.map(({ low, high, pairs, found: hits, merged, expected }) => {
    const estimate = { successes: hits, trials: pairs }
    const interval = wilson(estimate)
    return [
      `${decimal(low, 2)} to ${decimal(high, 2)}`,
      whole(pairs),
      whole(hits),
      pairs === 0 ? '–' : decimal(share(estimate)),
      pairs === 0 ? '–' : `${decimal(interval.low)} to ${decimal(interval.high)}`,
      expected === null ? '–' : decimal(expected),
      whole(merged),
    ]
  })
  const [bands, rows] = [Number(options.bands), Number(options.rows)]
  return markup`<h2>How much the search finds in this corpus</h2>
    <p class="soft">
      ${whole(found.pairs)} pairs of rows with different words, selected by a hash that the search does not use, so that
      pairs it misses are as likely among them as pairs it finds; no row is in two pairs. Intervals are Wilson's at
      95 %. The curve is 1 − (1 − s^${rows})^${bands}.
    </p>
    <figure>
      ${calibrationChart(found.bins, (s) => 1 - (1 - s ** rows) ** bands)}
      <figcaption>Share of pairs that a band links, by their true Jaccard; the curve is what theory says.</figcaption>
    </figure>
    ${tableOf(['true Jaccard', 'pairs', 'found', 'share', '95 % interval', 'theory', 'in one cluster'], lines)}`
}

function largest({ largest: clusters }: DedupeSummary): Markup {
  if (clusters.length === 0) return markup``
  return markup`<h2>Largest clusters</h2>
    ${clusters.map(
      ({ cluster, size, rows }) =>
        markup`<article>
          <h3>${whole(size)} rows <small>${cluster} stays</small></h3>
          ${rows.map(
            ({ row, stays, kind, jaccard, text }) =>
              markup`<p class="soft">${row}: ${stays ? 'stays' : `removed, ${String(kind)}, Jaccard ${decimal(jaccard)}`}</p>
                <div class="trace"><span>${text}</span></div>`,
          )}
          ${size > rows.length ? markup`<p class="soft">and ${whole(size - rows.length)} more</p>` : ''}
        </article>`,
    )}`
}
