import type { AuditSummary } from '../../store/audit-summary.ts'
import { htmlDocument } from '../document.ts'
import { markup, type Markup } from '../html.ts'
import { whole } from '../measured.ts'
import { differenceSection } from './difference.ts'
import { matchSection } from './matches.ts'
import { percent, rateText } from './rates.ts'
import { auditStyle } from './style.ts'
import { benchmarkSection, exclusionSection, selfTestSection, sourceSection, tableOf } from './tables.ts'

/** An audit as one page; `before` is an earlier audit that it is compared with. */
export function auditPage(audit: AuditSummary, before: AuditSummary | null = null): string {
  const body = markup`<header>
      <h1>Contamination audit</h1>
      <p>rule ${audit.judged_by.rule} · Fulcrum ${audit.fulcrum} · index ${audit.scan.index.sha256.slice(0, 16)}</p>
    </header>
    ${verdict(audit)} ${tiles(audit)} ${benchmarkSection(audit)} ${sourceSection(audit)}
    ${before === null ? '' : differenceSection(audit, before)} ${matchSection(audit.matches)}
    ${exclusionSection(audit)} ${selfTestSection(audit)} ${review(audit)} ${settings(audit)}`
  return htmlDocument('Contamination audit', auditStyle, body)
}

function verdict({ status, rows, benchmarks, judged_by: by, scan }: AuditSummary): Markup {
  const hit = benchmarks.filter(({ contaminated }) => contaminated.count > 0)
  const looked = `${whole(scan.index.texts)} texts of ${whole(scan.benchmarks.reduce((sum, { items }) => sum + items, 0))} items (${whole(scan.index.ngrams7)} distinct 7-grams) were looked for in ${whole(scan.corpus.bytes)} bytes.`
  const said = {
    contaminated: `Contaminated: ${whole(rows.contaminated.count)} of ${whole(rows.contaminated.of)} rows hold benchmark items`,
    partial: `Partly: no row is contaminated, ${whole(rows.partial.count)} share something with an item`,
    clean: `Clean by this rule: none of ${whole(rows.contaminated.of)} rows holds a benchmark item`,
  }
  const which = hit.map(
    ({ benchmark, contaminated }) =>
      `${benchmark} ${whole(contaminated.count)} of ${whole(contaminated.of)} items`,
  )
  return markup`<div class="card verdict ${status}">
    <h2>${said[status]}</h2>
    <p>
      ${percentRange(rows.contaminated)}${which.length === 0 ? '' : ` · ${which.slice(0, 8).join(' · ')}${which.length > 8 ? ' …' : ''}`}
    </p>
    <p class="soft">${looked} ${by.meaning}. n-grams do not find what was rephrased or translated.</p>
  </div>`
}

const percentRange = ({ count, of, low, high }: AuditSummary['rows']['contaminated']): string =>
  of === 0
    ? 'No row was read'
    : `${percent(count / of)} of rows, 95 % interval ${percent(low)} to ${percent(high)}`

function tiles({ scan, rows, benchmarks }: AuditSummary): Markup {
  const tile = (value: string, label: string, note = ''): Markup =>
    markup`<div class="tile"><b>${value}</b>${label}<br /><small>${note}</small></div>`
  const skipped = scan.corpus.files.flatMap((file) => file.skipped).reduce((sum, one) => sum + one.rows, 0)
  const items = benchmarks.reduce((sum, { contaminated }) => sum + contaminated.count, 0)
  return markup`<div class="tiles">
    ${tile(whole(scan.corpus.rows), 'rows read', `${whole(scan.corpus.words)} words`)}
    ${tile(whole(rows.contaminated.count), 'rows contaminated', `${whole(rows.partial.count)} partial`)}
    ${tile(whole(items), 'items contaminated', `in ${whole(benchmarks.length)} benchmark splits`)}
    ${tile(whole(rows.with_evidence), 'rows with evidence', 'share a 7-gram with an item')}
    ${tile(whole(skipped), 'rows not read', `${whole(scan.corpus.rows_without_text)} rows had no text looked at`)}
  </div>`
}

function review({ review: found }: AuditSummary): Markup {
  if (found === null) return markup``
  const rows = [
    [
      `paraphrase: the same numbers and at least ${percent(found.least_paraphrase)} of the weight of the item's words`,
      rateText(found.paraphrase),
    ],
    [
      `numbers changed: 7-gram ratio of at least ${found.least_masked} with numbers masked`,
      rateText(found.numbers),
    ],
  ]
  return markup`<h2>For review</h2>
    <p class="soft">
      Rows that look like an item in other words or with other numbers; review.parquet lists ${whole(found.rows)}.
      No verdict rests on them and nothing is removed.
    </p>
    ${tableOf(['kind', 'rows'], rows)}`
}

function settings({ judged_by: by, scan }: AuditSummary): Markup {
  const list = (entries: readonly Readonly<Record<string, string>>[]): string =>
    entries
      .map(
        (entry) =>
          `${entry.phrase ?? `${entry.benchmark ?? ''} item ${entry.item ?? ''}`} (${entry.reason ?? ''})`,
      )
      .join(' · ') || 'none'
  const rows: readonly (readonly [string, string])[] = [
    ['rule', `${by.rule}: ${by.meaning}`],
    ['thresholds', `info ${by.info}, contaminated ${by.contaminated}`],
    [
      'fewest 7-grams',
      `a ratio over fewer than ${by.least_ngrams} counts only where the whole item is found (our choice)`,
    ],
    [
      'common in the corpus',
      by.common_rows === 0 ? 'not left out' : `7-grams in at least ${by.common_rows} rows (our choice)`,
    ],
    ['texts that decide', by.item_fields.join(', ')],
    ['allowed', list(by.allow)],
    ['denied', list(by.deny)],
    [
      'fields read',
      scan.corpus.fields.map(({ path, texts }) => `${path} (${whole(texts)})`).join(' · ') || 'none',
    ],
    ['index', `${scan.index.sha256}, ${whole(scan.index.bytes)} bytes`],
  ]
  return markup`<h2>How it was judged</h2>
    <div class="card scroll settings">
      <table>
        <tbody>
          ${rows.map(([name, value]) => markup`<tr><td class="mid">${name}</td><td class="path">${value}</td></tr>`)}
        </tbody>
      </table>
    </div>`
}
