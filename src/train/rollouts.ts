import { FulcrumError } from '../errors.ts'
import type { Generated, Sampler } from '../nn/sampler.ts'
import { rngFor, seedFor } from '../statistics/random.ts'
import type { GrpoOptions } from './grpo-options.ts'
import type { GrpoInput } from './grpo.ts'
import { groupAdvantages } from './policy-loss.ts'
import { type RewardLengths, rewardOf, scaledLengths } from './reward.ts'

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

/** The problems of a step: the passes over them, each in an order of its own, one behind the other. */
export function batchAt(
  step: number,
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
    const place = (step - 1) * batchSize + i
    const pass = Math.floor(place / problems.length)
    if (!orders.has(pass)) orders.set(pass, order(pass))
    return orders.get(pass)?.[place % problems.length] as Encoded
  })
}

/** A rollout that is trained on. */
export interface Rollout extends Generated {
  readonly problem: Encoded
  readonly advantage: number
}

/** Samples, verifies and rewards a group a problem; gives the rollouts of groups that differ and what the log shows.
 *  Rollout i of
 *  a problem depends on (seed, step, problem, its place in the step, i) and the weights only. */
export async function roll(
  sampler: Sampler,
  { tokenizer, verifier, options }: GrpoInput,
  problems: readonly Encoded[],
  step: number,
) {
  const { groupSize, temperature, maxTokens, requireThinking, deviation, seed } = options
  const lengths = lengthsOf(options)
  const sampling = { temperature, topP: 1, topK: 0, n: groupSize, maxTokens }
  const groups = await sampler.generate(
    problems.map(({ promptIds }) => promptIds),
    { ...sampling, seeds: problems.map(({ id }, place) => seedFor(seed, 'grpo', step, id, place)) },
  )
  const rollouts: Rollout[] = []
  let [reward, correct, tokens, cut, skipped] = [0, 0, 0, 0, 0]
  problems.forEach((problem, p) => {
    const group = groups[p] ?? []
    const rewards = group.map(({ tokenIds, finishReason }) => {
      const ended = finishReason === 'stop'
      const text =
        (problem.thinking ? '<think>' : '') + tokenizer.decode(ended ? tokenIds.slice(0, -1) : tokenIds)
      const right = ended && verifier.verify(text, problem.answer).verdict === 'equal'
      const response = { text, ended, correct: right, length: tokenIds.length }
      const given = rewardOf(response, lengths, requireThinking).reward
      if (right) correct++
      if (!ended) cut++
      reward += given
      tokens += tokenIds.length
      return given
    })
    const advantages = groupAdvantages(rewards, deviation)
    if (advantages === null) skipped++
    else group.forEach((one, i) => rollouts.push({ ...one, problem, advantage: advantages[i] as number }))
  })
  const all = problems.length * groupSize
  const shown = { reward: reward / all, accuracy: correct / all, length: tokens / all }
  return { rollouts, tokens, log: { ...shown, cut_off: cut, skipped_groups: skipped } }
}

/** The reward's lengths: as given, else the published ones in proportion to the longest rollout. */
function lengthsOf({ lengthFree, lengthMost, lengthWrong, maxTokens }: GrpoOptions): RewardLengths {
  const { free, most, wrong } = scaledLengths(lengthMost ?? maxTokens)
  return { free: lengthFree ?? free, most, wrong: lengthWrong ?? wrong }
}
