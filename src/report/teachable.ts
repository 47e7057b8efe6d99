import { markup, type Markup } from './html.ts'
import { decimal, whole } from './measured.ts'
import type { Gate } from './teachable-data.ts'

/** How hard the problems are for the student, and what the gate of pass rates made of them. */
export function teachableSection(gate: Gate | null): Markup {
  if (gate === null || (gate.problems.length === 0 && gate.dropped.length === 0)) return markup``
  const { low, high, problems, dropped } = gate
  const kept = problems.filter((problem) => problem.kept).length
  const rows = [
    ['problems kept in the band', kept] as const,
    ...dropped.map(({ reason, rows: n }) => [`rows dropped, ${reason}`, n] as const),
  ]
  const chart =
    problems.length === 0
      ? markup``
      : markup`<figure>
          ${histogram(gate)}
          <figcaption>
            Problems by the student's pass rate; dashed lines are the band from ${decimal(low, 2)} to
            ${decimal(high, 2)}, grey bars problems outside it, which were dropped.
          </figcaption>
        </figure>`
  return markup`<h2>How hard the problems are for the student</h2>
    ${chart}
    <div class="card scroll">
      <table>
        <tbody>
          ${rows.map(
            ([what, count]) =>
              markup`<tr>
                <td>${what}</td>
                <td class="n">${whole(count)}</td>
              </tr>`,
          )}
          ${saving(gate)}
        </tbody>
      </table>
    </div>`
}

/** `1,000 rollouts for 80 problems, 12.5 a problem; 4,120 saved`. */
export function rolloutsText({ problems, bought, saved }: NonNullable<Gate['rollouts']>): string {
  return `${(bought / Math.max(1, problems)).toFixed(1)} a problem; ${whole(saved)} saved against ${whole(Math.round((bought + saved) / Math.max(1, problems)))} for each`
}

function saving({ rollouts }: Gate): Markup {
  if (rollouts === null) return markup``
  return markup`<tr>
    <td>rollouts that measured them: ${rolloutsText(rollouts)}</td>
    <td class="n">${whole(rollouts.bought)}</td>
  </tr>`
}

const [left, width, floor, tall] = [30, 580, 176, 150]
const at = (rate: number): number => left + rate * width

/** Pass rates in tenths: kept problems, and the dropped ones on top of them in grey. */
function histogram({ problems, low, high }: Gate): Markup {
  const bins = Array.from({ length: 10 }, (_, i) => {
    const own = problems.filter(({ passRate }) => tenth(passRate) === i)
    const kept = own.filter((problem) => problem.kept).length
    return { kept, dropped: own.length - kept }
  })
  const most = Math.max(1, ...bins.map(({ kept, dropped }) => kept + dropped))
  const bar = (from: number, count: number, slot: number, kind: string): Markup =>
    markup`<rect
      class="${kind}"
      x="${(at(slot / 10) + 3).toFixed(1)}"
      width="${width / 10 - 6}"
      y="${(floor - ((from + count) / most) * tall).toFixed(1)}"
      height="${((count / most) * tall).toFixed(1)}"
    />`
  const label = (count: number, slot: number): Markup =>
    count === 0
      ? markup``
      : markup`<text
          class="value"
          x="${at(slot / 10 + 0.05).toFixed(1)}"
          y="${(floor - 5 - (count / most) * tall).toFixed(1)}"
          text-anchor="middle"
        >
          ${whole(count)}
        </text>`
  const edge = (rate: number): Markup =>
    markup`<line class="axis" stroke-dasharray="4 3" x1="${at(rate).toFixed(1)}" x2="${at(rate).toFixed(1)}" y1="8" y2="${floor}" />`
  return markup`<svg class="plot" viewBox="0 0 640 218" role="img" aria-label="Problems by the student's pass rate">
    <line class="axis" x1="${left - 4}" x2="${left + width + 4}" y1="${floor}" y2="${floor}" />
    ${bins.map(({ kept, dropped }, i) => markup`${bar(0, kept, i, 'inside')} ${bar(kept, dropped, i, 'outside')} ${label(kept + dropped, i)}`)}
    ${[low, high].filter((rate) => rate > 0 && rate < 1).map(edge)}
    ${Array.from({ length: 11 }, (_, i) => markup`<text x="${at(i / 10).toFixed(1)}" y="193" text-anchor="middle">${decimal(i / 10, 1)}</text>`)}
    <text x="320" y="213" text-anchor="middle">pass rate of the student</text>
  </svg>`
}

/** 1 belongs to the last tenth. */
const tenth = (rate: number): number => Math.min(9, Math.floor(rate * 10 + 1e-9))
