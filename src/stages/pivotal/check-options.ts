import { FulcrumError } from '../../errors.ts'
import { leastSearch } from './budget.ts'
import type { FindPivotalTokensOptions } from './find-pivotal-tokens.ts'

/** Refuses options that no search can have, every mistake at once, before anything is spent. */
export function requireOptions(options: FindPivotalTokensOptions): void {
  const { temperature, gap, q = 0.1, mode = 'frugal', unit = 'token' } = options
  const { maxRollouts = Infinity, stepEnds = [] } = options
  if (temperature === 0)
    throw new FulcrumError(
      'plan',
      'findPivotalTokens at temperature 0: a greedy policy has no success probability between 0 and 1',
      'Give the temperature that the policy is used with, above 0.',
    )
  const counts = { rollouts: 1, confirmRollouts: 0, pairRollouts: 1, traceRollouts: 1, maxTokens: 1 }
  const wrong = [
    ...(temperature > 0 && temperature < Infinity ? [] : [`temperature ${temperature} (above 0)`]),
    ...(gap > 0 && gap <= 1 ? [] : [`gap ${gap} (above 0, up to 1)`]),
    ...(q > 0 && q < 1 ? [] : [`q ${q} (between 0 and 1)`]),
    ...(['published', 'frugal', 'thorough'].includes(mode)
      ? []
      : [`mode ${mode} (published, frugal or thorough)`]),
    ...(['token', 'sentence'].includes(unit) ? [] : [`unit ${unit} (token or sentence)`]),
    ...(stepEnds.includes('') ? ['stepEnds with an empty text (texts that end a step)'] : []),
    ...(maxRollouts >= leastSearch ? [] : [`maxRollouts ${maxRollouts} (from ${leastSearch}: one search)`]),
    ...Object.entries(counts).flatMap(([name, least]) => {
      const value = options[name as keyof typeof counts]
      const fits = value === undefined || (Number.isSafeInteger(value) && value >= least)
      return fits ? [] : [`${name} ${value} (a whole number from ${least})`]
    }),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'plan',
    `findPivotalTokens cannot have ${wrong.join(', ')}`,
    'In brackets is what it takes; docs/pivots.md shows what the options do.',
  )
}
