import type { Model, Tokenizer } from '../../model/model.ts'
import type { Run } from '../../pipeline/stage.ts'
import { sidesInterval } from '../../statistics/difference.ts'
import { intervalOf, probability, rangeOf, trialsOf } from '../../statistics/side.ts'
import type { Sampler } from '../generate-traces.ts'
import type { TokenPair } from './pair.ts'
import { eValueOf } from './search/evidence.ts'
import { type Bought, isCorrect, samplingRule } from './rollouts.ts'

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
  /** Rollouts bought for the trace. */
  readonly bought: readonly Bought[]
  /** The trace from tokenId on, where its verdict makes it a branch of the pair. */
  readonly rest: { readonly ids: readonly number[]; readonly correct: boolean }
  readonly run: Run
}

/** What a certified pair adds to the row of its pivotal token. */
export async function pairColumns(of: Policy, pair: TokenPair, place: PairPlace) {
  const { student, tokenizer } = of
  const { promptIds, prefix, tokenId, logprob, run } = place
  const { chosenId, rejectedId } = pair
  const raises = chosenId === tokenId
  const before = [...promptIds, ...prefix]
  const [other] = await student.score([...before, raises ? rejectedId : chosenId], {
    ...samplingRule(of),
    from: before.length,
    signal: run.signal,
  })
  const otherLogprob = other?.logprob ?? null
  const [chosen, rejected] = [intervalOf(pair.chosen), intervalOf(pair.rejected)]
  const difference = sidesInterval(pair.rejected, pair.chosen)
  const branches = { chosen: branchOf(chosenId, true, place), rejected: branchOf(rejectedId, false, place) }
  return {
    chosen_id: chosenId,
    rejected_id: rejectedId,
    chosen_token: tokenizer.decode([chosenId]),
    rejected_token: tokenizer.decode([rejectedId]),
    prob_chosen: probability(pair.chosen),
    prob_chosen_low: chosen.low,
    prob_chosen_high: chosen.high,
    n_chosen: trialsOf(pair.chosen),
    known_chosen: 1 - rangeOf(pair.chosen),
    logprob_chosen: raises ? logprob : otherLogprob,
    prob_rejected: probability(pair.rejected),
    prob_rejected_low: rejected.low,
    prob_rejected_high: rejected.high,
    n_rejected: trialsOf(pair.rejected),
    known_rejected: 1 - rangeOf(pair.rejected),
    logprob_rejected: raises ? otherLogprob : logprob,
    pair_delta_low: difference.low,
    pair_delta_high: difference.high,
    pair_e_value: eValueOf(pair.logEvidence),
    chosen_branch_ids: branches.chosen,
    chosen_branch: branches.chosen && tokenizer.decode(branches.chosen),
    rejected_branch_ids: branches.rejected,
    rejected_branch: branches.rejected && tokenizer.decode(branches.rejected),
  }
}

/** The first rollout through prefix + token that is finished and verified on the wanted side, from the token on: those first that
 *  were kept from no token, of these the fresh ones, in launch order, so that neither length nor luck selects. The trace itself
 *  where no rollout is there. */
function branchOf(
  id: number,
  correct: boolean,
  { prefix, bought, tokenId, rest }: PairPlace,
): readonly number[] | null {
  const from = prefix.length
  const wanted = [...prefix, id]
  const through = bought.filter((rollout) => {
    if (isCorrect(rollout) !== correct || (!correct && rollout.verdict !== 'different')) return false
    // Given another pair's token further on, it is no answer of the policy's own.
    if (rollout.purpose === 'pair' && id === tokenId) return false
    const whole = [...rollout.prefix, ...rollout.ids]
    return whole.length > from && wanted.every((token, i) => whole[i] === token)
  })
  const rank = ({ banned, purpose }: Bought): number =>
    2 * Math.min(1, banned.length) + Number(purpose === 'search')
  const [first] = through.sort((a, b) => rank(a) - rank(b))
  if (first !== undefined) return [...first.prefix, ...first.ids].slice(from)
  return id === tokenId && rest.correct === correct ? rest.ids : null
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
  known_chosen: null,
  logprob_chosen: null,
  prob_rejected: null,
  prob_rejected_low: null,
  prob_rejected_high: null,
  n_rejected: null,
  known_rejected: null,
  logprob_rejected: null,
  pair_delta_low: null,
  pair_delta_high: null,
  pair_e_value: null,
  chosen_branch_ids: null,
  chosen_branch: null,
  rejected_branch_ids: null,
  rejected_branch: null,
}
