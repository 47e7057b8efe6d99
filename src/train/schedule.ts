/** Learning rate over a run: linear warm-up from 0, then decay to 0 at the last step. */
export interface Schedule {
  readonly learningRate: number
  readonly warmupSteps: number
  readonly decay: 'linear' | 'cosine' | 'constant'
  readonly steps: number
}

/** The rate of step 1..steps. */
export function rateAt(step: number, { learningRate, warmupSteps, decay, steps }: Schedule): number {
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps
  if (decay === 'constant') return learningRate
  const done = (step - warmupSteps) / Math.max(1, steps - warmupSteps + 1)
  return decay === 'linear' ? learningRate * (1 - done) : learningRate * 0.5 * (1 + Math.cos(Math.PI * done))
}
