import { FulcrumError } from '../../errors.ts'
import type { Completion, Model, Usage } from '../../model/model.ts'
import type { Run } from '../../pipeline/stage.ts'
import { seedFor } from '../../statistics/random.ts'
import type { Sampler } from '../generate-traces.ts'
import type { Judge } from './judge.ts'

/** What rollouts are bought for. Fresh ones are never among those that selected. */
type Purpose = 'search' | 'confirm' | 'pair'

/** A rollout as it was bought, whole. */
export interface Bought {
  /** Tokens of the answer before its launch; after a token that was given, that token too. */
  readonly prefix: readonly number[]
  /** Exact ids drawn, end token included. */
  readonly ids: readonly number[]
  readonly logprobs: readonly number[] | null
  readonly finishReason: Completion['finishReason']
  /** Of the whole answer: equal, different, unparsed, or truncated, which is a failure. */
  readonly verdict: string
  readonly answer: string | null
  readonly purpose: Purpose | 'gate'
  /** Tokens that it was kept from beginning with. */
  readonly banned: readonly number[]
  /** Its number among those launched from there for this purpose. */
  readonly launchSeq: number
  readonly seed: number
  /** Its number in its request. */
  readonly sample: number
  readonly promptTokens: number
  /** Told once a request, by its first rollout. */
  readonly cachedTokens: number | null
}

export const isCorrect = ({ verdict }: Bought): boolean => verdict === 'equal'

/** The one process every estimate of a question draws from (rules S1 and S2 of pivotal token search): one sampler, exact
 *  token ids, a cap on the whole answer, truncated rollouts counted as failures, verdicts in launch order. */
export interface RolloutProcess {
  /** n rollouts after `prefix`, in launch order, none drawn before. */
  draw(
    prefix: readonly number[],
    n: number,
    purpose: Purpose,
    banned?: readonly number[],
  ): Promise<readonly Bought[]>
  /** How many were launched, answered or not. */
  launched(): number
  /** All of them, in the order of node, purpose and launch. */
  bought(): readonly Bought[]
}

export interface RolloutProcessOptions extends Sampler {
  readonly student: Model
  readonly promptIds: readonly number[]
  readonly judge: Judge
  /** Keys the draws: run seed and trace. */
  readonly key: readonly (string | number)[]
  readonly run: Run
}

/** The part of a sampler that decides the distribution of the next token. */
export const samplingRule = ({ temperature, topP, topK, minP }: Sampler): Omit<Sampler, 'maxTokens'> => ({
  temperature,
  topP,
  topK,
  ...(minP !== undefined && { minP }),
})

/** First tokens can be forbidden. Only where the sampler cuts nothing off: else the tokens that are left would be cut off otherwise without the banned one, and its
 *  draws would not be those of the sampler that takes another token. */
export const canForce = ({ student, topP, topK, minP = 0 }: Sampler & { readonly student: Model }): boolean =>
  student.capabilities.bannedFirst === true && topP === 1 && topK === 0 && minP === 0

export function rolloutProcess(of: RolloutProcessOptions): RolloutProcess {
  const all: Bought[] = []
  const launched = new Map<string, number>()
  let total = 0
  return {
    launched: () => total,
    bought: () => all.toSorted(byLaunch),
    draw: async (prefix, n, purpose, banned = []) => {
      if (n === 0) return []
      total += n
      const place = JSON.stringify([prefix, purpose, banned])
      const first = launched.get(place) ?? 0
      launched.set(place, first + n)
      const seed = seedFor(...of.key, place, first)
      const { completions, cachedTokens } = await sampled(of, prefix, { n, seed, banned })
      const batch = await Promise.all(
        completions.map(async (completion, sample) => {
          const ids = completion.tokenIds as readonly number[]
          const { finishReason, logprobs, promptTokens } = completion
          return {
            ...(await of.judge(prefix, ids, finishReason)),
            ...{ prefix, ids, logprobs, finishReason, purpose, banned, seed, sample, promptTokens },
            launchSeq: first + sample,
            cachedTokens: sample === 0 ? cachedTokens : null,
          }
        }),
      )
      all.push(...batch)
      return batch
    },
  }
}

const purposes = ['gate', 'search', 'confirm', 'pair']

/** An order that no timing can change: asks may be under way at once. */
function byLaunch(a: Bought, b: Bought): number {
  return (
    a.prefix.length - b.prefix.length ||
    purposes.indexOf(a.purpose) - purposes.indexOf(b.purpose) ||
    inOrder(a.prefix, b.prefix) ||
    inOrder(a.banned, b.banned) ||
    a.launchSeq - b.launchSeq
  )
}

/** Ids in lexicographic order. */
export function inOrder(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((id, i) => id !== b[i])
  return at < 0 ? a.length - b.length : (a[at] as number) - (b[at] ?? -1)
}

/** One request of n: servers answer it with one prefill. */
async function sampled(
  { student, promptIds, run, maxTokens, ...sampler }: RolloutProcessOptions,
  prefix: readonly number[],
  { n, seed, banned }: { readonly n: number; readonly seed: number; readonly banned: readonly number[] },
): Promise<{ completions: readonly Completion[]; cachedTokens: number | null }> {
  const told: Usage[] = []
  const completions = await student.sample(
    { kind: 'tokens', ids: [...promptIds, ...prefix] },
    {
      n,
      ...samplingRule({ ...sampler, maxTokens }),
      maxTokens: maxTokens - prefix.length,
      seed,
      ...(banned.length > 0 && { bannedFirst: banned }),
      signal: run.signal,
      onUsage: (usage) => told.push(usage),
    },
  )
  requireIds(student, completions, n)
  const sum = (of: (usage: Usage) => number): number => told.reduce((total, usage) => total + of(usage), 0)
  const [prompt, cached] = [sum((usage) => usage.promptTokens), sum((usage) => usage.cachedTokens)]
  run.count('student_rollouts', n)
  run.count(
    'student_tokens',
    completions.reduce((total, { completionTokens }) => total + completionTokens, 0),
  )
  if (told.length > 0) {
    run.count('student_prompt_tokens', prompt)
    run.count('student_cached_tokens', cached)
  }
  return { completions, cachedTokens: told.length > 0 ? cached : null }
}

/** A rollout that is missing or has no ids would silently move the estimate. */
function requireIds({ id }: Model, completions: readonly Completion[], n: number): void {
  const whole = completions.filter(({ tokenIds }) => tokenIds !== null && tokenIds.length > 0).length
  if (whole === n && completions.length === n) return
  throw new FulcrumError(
    'model',
    `${id} gave token ids for ${whole} of ${n} rollouts`,
    'Every rollout counts, with its exact ids: mend the endpoint, or use a local model folder.',
  )
}
