import { exceedsMartingale } from '../statistics/martingale.ts'

/** Counters of a manifest, by name. */
export type Counters = Readonly<Record<string, number>>

/** `83 %` of `1.2M` prompt tokens that servers had in their cache: of the search's rollouts where there was a search, else of all
 *  requests. Null where no server tells. */
export function cachedPrompts(counters: Counters): { readonly share: string; readonly of: string } | null {
  const { student_cached_tokens: searched = 0, cached_prompt_tokens: all = 0 } = counters
  const [cached, of = 0] =
    searched > 0 ? [searched, counters.student_prompt_tokens] : [all, counters.prompt_tokens]
  if (cached <= 0 || of <= 0) return null
  const share = `${Math.round((100 * cached) / of)} %`
  return { share, of: new Intl.NumberFormat('en-US', { notation: 'compact' }).format(of) }
}

/** Fewest traces that say something of a run. */
const fewest = 20

/** One line where the changes that a search reports are together larger than a policy can have in its own traces (martingale
 *  bound); else null. */
export function noiseAlarm(counters: Counters): string | null {
  const { on_policy_traces: traces = 0 } = counters
  const [squared, bound] = ['squared_change', 'squared_change_bound'].map(
    (name) => (counters[`${name}_thousandths`] ?? 0) / 1000,
  ) as [number, number]
  if (traces < fewest || !exceedsMartingale(squared, bound)) return null
  return (
    `The run reports noise, or its traces were chosen by their verdicts: over ${traces} traces of the policy's own, squared changes ` +
    `sum to ${squared.toFixed(1)}, where ${bound.toFixed(1)} can be expected at most. Confirm with more rollouts ` +
    '(--confirm-rollouts) or at a smaller --q.'
  )
}

/** What the counters of a run give to think, a line each. */
export function notesOf(counters: Counters): string[] {
  const [cached, alarm] = [cachedPrompts(counters), noiseAlarm(counters)]
  return [
    ...(cached === null ? [] : [`cached prompt tokens ${cached.share} of ${cached.of}`]),
    ...(alarm === null ? [] : [alarm]),
  ]
}

/** A counter for people; those in thousandths as what they are thousandths of. */
export function counterText(name: string, value: number): readonly [name: string, value: string] {
  const whole = name.replace(/_thousandths$/, '')
  const text = (whole === name ? value : value / 1000).toLocaleString('en-US')
  return [whole.replaceAll('_', ' '), text]
}
