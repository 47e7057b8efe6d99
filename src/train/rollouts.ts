import { FulcrumError } from '../errors.ts'
import type { Generated, Sampler } from '../nn/sampler.ts'
import { rngFor, seedFor } from '../statistics/random.ts'
import type { GrpoOptions } from './grpo-options.ts'
import type { GrpoInput } from './grpo.ts'
import type { Placed } from './items.ts'
import { groupAdvantages } from './policy-loss.ts'
import { type Response, type RewardLengths, rewardOf, scaledLengths } from './reward.ts'

/** A problem whose answer can be checked. */
export interface GrpoProblem {
  readonly id: string
  readonly problem: string
  readonly answer: string
}

/** A problem as the model reads it. */
export interface Encoded extends GrpoProblem {
  readonly promptIds: readonly number[]
  /** The prompt has opened the thinking block already. */
  readonly thinking: boolean
}

/** Problems as prompts; those that leave no room for a whole rollout are counted. */
export function thatFit({ problems, tokenizer, model, options, dataId }: GrpoInput): {
  problems: Encoded[]
  tooLong: number
} {
  const encoded = problems.map((problem) => {
    const text = tokenizer.renderChat([{ role: 'user', content: problem.problem }])
    return { ...problem, promptIds: tokenizer.encode(text), thinking: /<think>\s*$/.test(text) }
  })
  const room = model.config.maxPositions - options.maxTokens
  const fitting = encoded.filter(({ promptIds }) => promptIds.length <= room)
  if (fitting.length > 0) return { problems: fitting, tooLong: encoded.length - fitting.length }
  const hint =
    encoded.length === 0
      ? 'Give at least one problem with its answer.'
      : `Lower --max-tokens: the model has ${model.config.maxPositions} positions.`
  const those = encoded.length === 0 ? '' : ` that fit before ${options.maxTokens} tokens of a rollout`
  throw new FulcrumError('train', `${dataId} has no problems${those}`, hint)
}

/** The problems of a round: the passes over them, each in an order of its own, one behind the other. */
export function batchAt(
  round: number,
  problems: readonly Encoded[],
  { batchSize, seed }: GrpoOptions,
): Encoded[] {
  const orders = new Map<number, readonly Encoded[]>()
  const order = (pass: number): readonly Encoded[] => {
    const random = rngFor(seed, 'grpo', 'order', pass)
    return problems
      .map((problem) => ({ problem, key: random.next() }))
      .sort((a, b) => a.key - b.key)
      .map(({ problem }) => problem)
  }
  return Array.from({ length: batchSize }, (_, i) => {
    const place = (round - 1) * batchSize + i
    const pass = Math.floor(place / problems.length)
    if (!orders.has(pass)) orders.set(pass, order(pass))
    return orders.get(pass)?.[place % problems.length] as Encoded
  })
}

/** A rollout that is trained on; plain data, since it goes to worker threads. */
export interface Rollout {
  readonly promptIds: readonly number[]
  /** With the end token if it has one. */
  readonly tokenIds: readonly number[]
  readonly advantage: number
  /** Log-probability of every token under the sampler, the policy that drew it (by the trainer's own pass; null: it is the
   *  present one) and the reference, nats. */
  readonly sampled: readonly number[]
  readonly old: readonly number[] | null
  readonly reference: readonly number[] | null
  /** What a token counts, times the number of rollouts: in the policy and KL terms, and in means over tokens. */
  readonly share: number
  readonly tokenShare: number
}

/** The rollouts of a round. */
export interface Round {
  readonly rollouts: readonly Placed<Rollout>[]
  /** Of all rollouts: mean reward, share that the verifier accepts, mean length in tokens, how many have no end, and how
   *  many groups were left out because their rewards are all equal. */
  readonly shown: Readonly<Record<'reward' | 'accuracy' | 'length' | 'cut_off' | 'skipped_groups', number>>
}

/** Samples, verifies and rewards a group a problem, and keeps the groups that differ, short rollouts first. Rollout i of
 *  a problem depends on (seed, round, problem, its place in the round, i) and the weights only. */
export async function roll(
  sampler: Sampler,
  { tokenizer, verifier, options }: GrpoInput,
  problems: readonly Encoded[],
  round: number,
): Promise<Round> {
  const { groupSize, temperature, maxTokens, requireThinking, deviation, seed } = options
  const lengths = lengthsOf(options)
  const groups = await sampler.generate(
    problems.map(({ promptIds }) => promptIds),
    {
      ...{ temperature, topP: 1, topK: 0, n: groupSize, maxTokens },
      seeds: problems.map(({ id }, place) => seedFor(seed, 'grpo', round, id, place)),
    },
  )
  const read = async (problem: Encoded, { tokenIds, finishReason }: Generated): Promise<Response> => {
    const ended = finishReason === 'stop'
    const own = tokenizer.decode(ended ? tokenIds.slice(0, -1) : tokenIds)
    const text = (problem.thinking ? '<think>' : '') + own
    const judged = ended ? await verifier.verify(text, problem.answer, problem.problem) : null
    return { text, ended, correct: judged?.verdict === 'equal', length: tokenIds.length }
  }
  const responses = await Promise.all(
    problems.map((problem, p) => Promise.all((groups[p] ?? []).map((one) => read(problem, one)))),
  )
  const kept: { problem: Encoded; one: Generated; advantage: number; i: number }[] = []
  let [reward, correct, tokens, cut, skipped] = [0, 0, 0, 0, 0]
  problems.forEach((problem, p) => {
    const group = groups[p] ?? []
    const rewards = (responses[p] ?? []).map((response) => {
      if (response.correct) correct++
      if (!response.ended) cut++
      tokens += response.length
      return rewardOf(response, lengths, requireThinking).reward
    })
    reward += rewards.reduce((a, b) => a + b, 0)
    const advantages = groupAdvantages(rewards, deviation)
    if (advantages === null) skipped++
    else group.forEach((one, i) => kept.push({ problem, one, advantage: advantages[i] as number, i }))
  })
  const all = problems.length * groupSize
  const means = { reward: reward / all, accuracy: correct / all, length: tokens / all }
  return { rollouts: placed(kept, options), shown: { ...means, cut_off: cut, skipped_groups: skipped } }
}

function placed(
  kept: readonly { problem: Encoded; one: Generated; advantage: number; i: number }[],
  { mean }: GrpoOptions,
): Placed<Rollout>[] {
  const tokens = kept.reduce((sum, { one }) => sum + one.tokenIds.length, 0)
  const tokenShare = kept.length / tokens
  return kept
    .map(({ problem: { id, promptIds }, one: { tokenIds, logprobs }, advantage, i }) => ({
      item: {
        ...{ promptIds, tokenIds, advantage, sampled: logprobs, old: null, reference: null, tokenShare },
        share: mean === 'token' ? tokenShare : 1 / tokenIds.length,
      },
      place: `problem ${id} rollout ${i}`,
    }))
    .sort((a, b) => sizeOf(a.item) - sizeOf(b.item))
}

const sizeOf = ({ promptIds, tokenIds }: Rollout): number => promptIds.length + tokenIds.length

/** The reward's lengths: as given, else the published ones in proportion to the longest rollout. */
function lengthsOf({ lengthFree, lengthMost, lengthWrong, maxTokens }: GrpoOptions): RewardLengths {
  const { free, most, wrong } = scaledLengths(lengthMost ?? maxTokens)
  return { free: lengthFree ?? free, most, wrong: lengthWrong ?? wrong }
}
