import type { AuditSummary } from '../../store/audit-summary.ts'
import { markup, type Markup } from '../html.ts'
import { rateText } from './rates.ts'
import { nameOf, tableOf } from './tables.ts'

/** Items whose verdict changed between two audits. */
export function differenceSection(now: AuditSummary, before: AuditSummary): Markup {
  const earlier = new Map(before.benchmarks.map((found) => [nameOf(found), found]))
  const rows = now.benchmarks.map((found) => {
    const was = earlier.get(nameOf(found))
    const [ids, wasIds] = [new Set(found.contaminated_ids), new Set(was?.contaminated_ids)]
    const came = [...ids].filter((id) => !wasIds.has(id))
    const went = [...wasIds].filter((id) => !ids.has(id))
    return [
      nameOf(found),
      was === undefined ? 'not looked for' : rateText(was.contaminated),
      rateText(found.contaminated),
      listed(came),
      listed(went),
    ]
  })
  return markup`<h2>Since the earlier audit</h2>
    <p class="soft">
      Earlier: rule ${before.judged_by.rule}, index ${before.scan.index.sha256.slice(0, 16)},
      ${before.scan.corpus.rows} rows.
    </p>
    ${tableOf(['benchmark', 'before', 'now', 'newly contaminated', 'no longer'], rows)}`
}

const listed = (ids: readonly string[]): string =>
  ids.length === 0 ? 'none' : `${ids.length}: ${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ' …' : ''}`
