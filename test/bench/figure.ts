import { fileURLToPath } from 'node:url'

/** One measured figure; `ratio` is value against the baseline, both from the same run. */
export interface Figure {
  readonly bench: string
  readonly case: string
  readonly value: number
  readonly unit: string
  readonly baseline: string
  readonly ratio: number
}

/** Prints the figures of a bench that is run as a program; with --json a line of JSON each. */
export async function main(url: string, bench: () => Promise<Figure[]>): Promise<void> {
  if (process.argv[1] === fileURLToPath(url)) show(await bench())
}

export function show(figures: readonly Figure[]): void {
  for (const figure of figures) {
    if (process.argv.includes('--json')) console.log(JSON.stringify(figure))
    else
      console.log(
        `${figure.bench.padEnd(9)} ${figure.case.padEnd(58)} ${figure.value.toPrecision(4).padStart(9)} ${figure.unit.padEnd(16)} ${figure.ratio.toFixed(2)} x ${figure.baseline}`,
      )
  }
}
