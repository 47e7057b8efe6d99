/** Digits of a share, no leading zero: .52 */
export const decimal = (value: number, digits = 2): string => value.toFixed(digits).replace(/^(-?)0\./, '$1.')

/** The same with its sign. */
export const signed = (value: number, digits = 2): string =>
  value < 0 ? `−${decimal(-value, digits)}` : `+${decimal(value, digits)}`

export const whole = (value: number): string => value.toLocaleString('en-US')

/** Class of a change: blue up, orange down, five strengths, as in the report. */
export function shade(delta: number): string {
  const strength = Math.min(5, Math.max(1, Math.ceil(Math.abs(delta) * 5)))
  return `${delta >= 0 ? 'up' : 'down'}${strength}`
}

export const range = (low: number, high: number): string => `[${decimal(low)}, ${decimal(high)}]`

export const signedRange = (low: number, high: number): string => `[${signed(low)}, ${signed(high)}]`

/** A count with its noun. */
export const counted = (count: number, noun: string): string =>
  `${whole(count)} ${noun}${count === 1 ? '' : 's'}`

/** Line breaks as a sign, so that a token that is nothing else can be seen. */
export const visible = (text: string): string => text.replaceAll('\n', '⏎\n')

/** 95 % interval of a share (Wilson 1927); the statistics room has the same one. */
export function wilson(successes: number, trials: number): { low: number; high: number } {
  if (trials === 0) return { low: 0, high: 1 }
  const [z2, p] = [1.959963984540054 ** 2, successes / trials]
  const spread = Math.sqrt(z2 * ((p * (1 - p)) / trials + z2 / (4 * trials * trials)))
  const [centre, scale] = [p + z2 / (2 * trials), 1 + z2 / trials]
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) }
}
