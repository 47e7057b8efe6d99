const [width, height, left, bottom, top, right] = [640, 280, 56, 36, 16, 16]

/** Loss against step as a standalone SVG; the thin line is each step, the thick one a running mean. */
export function lossCurve(points: readonly { readonly step: number; readonly loss: number }[]): string {
  const last = Math.max(1, ...points.map((point) => point.step))
  const highest = Math.max(1e-6, ...points.map((point) => point.loss))
  const x = (step: number): number => left + (step / last) * (width - left - right)
  const y = (loss: number): number => height - bottom - (loss / highest) * (height - bottom - top)
  const line = (values: readonly number[]): string =>
    values.map((loss, i) => `${x(points[i]?.step ?? 0).toFixed(1)},${y(loss).toFixed(1)}`).join(' ')
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  const labels = ticks.flatMap((share) => [
    `<text x="${left - 8}" y="${(y(share * highest) + 4).toFixed(1)}" text-anchor="end">${(share * highest).toPrecision(2)}</text>`,
    `<line x1="${left}" x2="${width - right}" y1="${y(share * highest).toFixed(1)}" y2="${y(share * highest).toFixed(1)}" opacity=".15"/>`,
    `<text x="${x(share * last).toFixed(1)}" y="${height - bottom + 18}" text-anchor="middle">${Math.round(share * last)}</text>`,
  ])
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="Loss against step" font-family="system-ui, sans-serif" font-size="11" fill="currentColor" stroke="none">`,
    `<g stroke="currentColor">${labels.filter((label) => label.startsWith('<line')).join('')}</g>`,
    labels.filter((label) => label.startsWith('<text')).join(''),
    `<text x="${width / 2}" y="${height - 4}" text-anchor="middle">step</text>`,
    `<text x="12" y="${height / 2}" transform="rotate(-90 12 ${height / 2})" text-anchor="middle">loss</text>`,
    `<g fill="none" stroke="#2563eb"><polyline opacity=".3" points="${line(points.map((point) => point.loss))}"/>`,
    `<polyline stroke-width="2" points="${line(runningMean(points.map((point) => point.loss)))}"/></g></svg>\n`,
  ].join('\n')
}

/** Exponential mean over about a twentieth of the run. */
function runningMean(losses: readonly number[]): number[] {
  const keep = 1 - 1 / Math.max(1, losses.length / 20)
  let mean = losses[0] ?? 0
  return losses.map((loss) => (mean = keep * mean + (1 - keep) * loss))
}
