/** A line of a chart; `low` and `high` draw an interval around a point. */
export interface Series {
  readonly name: string
  readonly points: readonly {
    readonly x: number
    readonly y: number
    readonly low?: number
    readonly high?: number
  }[]
}

export interface ChartOptions {
  /** What the chart shows, for who cannot see it. */
  readonly title: string
  readonly x: string
  readonly y: string
  /** Of the vertical axis. */
  readonly range: readonly [number, number]
}

const [width, height, left, bottom, top, right] = [640, 300, 64, 52, 16, 16]
/** Told apart by people who do not see colours alike (Okabe and Ito 2008), and by the marks of the points. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']

/** Lines with intervals as a standalone SVG; every text in it is escaped. */
export function lineChart(series: readonly Series[], { title, x, y, range }: ChartOptions): string {
  const all = series.flatMap(({ points }) => points)
  const [first, last] = [Math.min(...all.map((point) => point.x)), Math.max(...all.map((point) => point.x))]
  const [bottomValue, topValue] = range
  const across = (value: number): string =>
    (left + ((value - first) / (last - first || 1)) * (width - left - right)).toFixed(1)
  const up = (value: number): string =>
    (
      height -
      bottom -
      ((value - bottomValue) / (topValue - bottomValue || 1)) * (height - bottom - top)
    ).toFixed(1)
  const drawn = series.map(({ points }, i) => {
    const colour = colours[i % colours.length] as string
    const bars = points.flatMap(({ x: at, low, high }) =>
      low === undefined || high === undefined
        ? []
        : [`<line x1="${across(at)}" x2="${across(at)}" y1="${up(low)}" y2="${up(high)}" opacity=".5"/>`],
    )
    const line = points.map((point) => `${across(point.x)},${up(point.y)}`).join(' ')
    // Single points of a long line are noise: dots stand where there are few.
    const dots = points.length > 20 ? [] : points.map((point) => dot(i, across(point.x), up(point.y), colour))
    return `<g stroke="${colour}" fill="none" stroke-width="2">${bars.join('')}<polyline points="${line}"/>${dots.join('')}</g>`
  })
  const legend = series.map(({ name }, i) => {
    const at = left + 8 + i * 150
    const colour = colours[i % colours.length] as string
    return `${dot(i, String(at), String(height - 10), colour)}<text x="${at + 10}" y="${height - 6}">${escaped(name)}</text>`
  })
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  const horizontal = ticks.map((share) => {
    const value = bottomValue + share * (topValue - bottomValue)
    return `<line x1="${left}" x2="${width - right}" y1="${up(value)}" y2="${up(value)}" stroke="currentColor" opacity=".15"/><text x="${left - 6}" y="${Number(up(value)) + 4}" text-anchor="end">${Number(value.toPrecision(3))}</text>`
  })
  const places = [...new Set(all.map((point) => point.x))].sort((a, b) => a - b)
  const few = places.length > 8 ? ticks.map((share) => Math.round(first + share * (last - first))) : places
  const vertical = few.map(
    (value) => `<text x="${across(value)}" y="${height - bottom + 15}" text-anchor="middle">${value}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" font-size="11" fill="currentColor">`,
    horizontal.join(''),
    vertical.join(''),
    `<text x="${width - right}" y="${height - bottom + 30}" text-anchor="end">${escaped(x)}</text>`,
    `<text x="14" y="${(height - bottom) / 2}" transform="rotate(-90 14 ${(height - bottom) / 2})" text-anchor="middle">${escaped(y)}</text>`,
    ...drawn,
    `${legend.join('')}</svg>\n`,
  ].join('\n')
}

function dot(series: number, x: string, y: string, colour: string): string {
  if (series % 2 === 0) return `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`
  return `<rect x="${Number(x) - 3.5}" y="${Number(y) - 3.5}" width="7" height="7" fill="${colour}"/>`
}

const escaped = (text: string): string =>
  text.replace(/[\u0000-\u001f]/g, ' ').replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
