import type { Model, Tokenizer } from '../../model/model.ts'
import { differenceInterval } from '../../statistics/difference.ts'
import { share, wilson } from '../../statistics/estimate.ts'
import type { Sampler } from '../generate-traces.ts'
import type { TokenPair } from './pair.ts'
import { type RolloutProcess, samplingRule } from './rollouts.ts'

interface Policy extends Sampler {
  readonly student: Model
  readonly tokenizer: Tokenizer
}

interface PairPlace {
  readonly promptIds: readonly number[]
  readonly prefix: readonly number[]
  readonly tokenId: number
  /** Of tokenId after the prefix. */
  readonly logprob: number
  readonly process: RolloutProcess
}

/** What a certified pair adds to the row of its pivotal token. */
export async function pairColumns(of: Policy, pair: TokenPair, place: PairPlace) {
  const { student, tokenizer } = of
  const { promptIds, prefix, tokenId, logprob, process } = place
  const { chosenId, rejectedId } = pair
  const raises = chosenId === tokenId
  const before = [...promptIds, ...prefix]
  const [other] = await student.score([...before, raises ? rejectedId : chosenId], {
    ...samplingRule(of),
    from: before.length,
    signal: process.signal,
  })
  const otherLogprob = other?.logprob ?? null
  const [chosen, rejected] = [wilson(pair.chosen), wilson(pair.rejected)]
  const difference = differenceInterval(pair.rejected, pair.chosen)
  return {
    chosen_id: chosenId,
    rejected_id: rejectedId,
    chosen_token: tokenizer.decode([chosenId]),
    rejected_token: tokenizer.decode([rejectedId]),
    prob_chosen: share(pair.chosen),
    prob_chosen_low: chosen.low,
    prob_chosen_high: chosen.high,
    n_chosen: pair.chosen.trials,
    logprob_chosen: raises ? logprob : otherLogprob,
    prob_rejected: share(pair.rejected),
    prob_rejected_low: rejected.low,
    prob_rejected_high: rejected.high,
    n_rejected: pair.rejected.trials,
    logprob_rejected: raises ? otherLogprob : logprob,
    pair_delta_low: difference.low,
    pair_delta_high: difference.high,
    pair_e_value: pair.eValue,
  }
}

/** The same columns of a pivotal token without a certified pair. */
export const noPair = {
  chosen_id: null,
  rejected_id: null,
  chosen_token: null,
  rejected_token: null,
  prob_chosen: null,
  prob_chosen_low: null,
  prob_chosen_high: null,
  n_chosen: null,
  logprob_chosen: null,
  prob_rejected: null,
  prob_rejected_low: null,
  prob_rejected_high: null,
  n_rejected: null,
  logprob_rejected: null,
  pair_delta_low: null,
  pair_delta_high: null,
  pair_e_value: null,
}
