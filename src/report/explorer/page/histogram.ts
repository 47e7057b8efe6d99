import { s } from './elements.ts'
import { decimal, whole } from './figures.ts'

const bins = 20

/** Changes of the success probability in tenths, from -1 to +1. */
export function histogram(deltas: readonly number[]): SVGElement {
  const counts = Array.from({ length: bins }, () => 0)
  for (const delta of deltas) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((delta + 1) * (bins / 2) + 1e-9)))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  const highest = Math.max(1, ...counts)
  const bars = counts.flatMap((count, i) => {
    const height = (count / highest) * 130
    const x = 20 + i * 30
    const bar = { x: x + 1.5, width: 27, y: 152 - height, height, rx: 2 }
    const number = { class: 'value', x: x + 15, y: 147 - height, 'text-anchor': 'middle' }
    return [
      s('rect', { ...bar, class: i < bins / 2 ? 'fall' : 'rise' }),
      ...(count === 0 ? [] : [s('text', number, whole(count))]),
    ]
  })
  const edges = [-1, -0.5, 0, 0.5, 1].map((edge) =>
    s(
      'text',
      {
        x: 320 + edge * 300,
        y: 172,
        'text-anchor': Math.abs(edge) < 1 ? 'middle' : edge < 0 ? 'start' : 'end',
      },
      edge > 0 ? `+${decimal(edge, 1)}` : decimal(edge, 1).replace('-', '−'),
    ),
  )
  return s(
    'svg',
    {
      class: 'plot',
      viewBox: '0 0 640 178',
      role: 'img',
      'aria-label': 'Pivotal tokens by change of the success probability',
    },
    s('line', { class: 'axis', x1: 16, x2: 624, y1: 152.5, y2: 152.5 }),
    ...bars,
    ...edges,
  )
}
