import type { Completion, Model } from '../../../src/model/model.ts'
import { rngFor, seedFor } from '../../../src/statistics/random.ts'
import type { PreferencePair } from '../../../src/train/dpo.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'

/** A teachable question with a trace that was searched. */
export interface Question {
  readonly id: string
  readonly problem: string
  readonly answer: string
  /** Ids of a right trace, end token included. */
  readonly trace: readonly number[]
}

export const rule = { temperature: 1, topP: 1, topK: 0 }
export const maxTokens = 96

type Drawn = readonly (Completion & { readonly right: boolean })[]

/** Rollouts of one question after a prefix of its answer, all from one process, and how many there were. */
function rolloutsOf(model: Model, { id, problem, answer }: Question, seed: number) {
  const { tokenizer } = model
  if (tokenizer === null) throw new Error('a local model has a tokenizer')
  const promptIds = tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem }]))
  const right = (prefix: readonly number[], { finishReason, text }: Completion): boolean =>
    finishReason === 'stop' &&
    numericAnswer.verify(tokenizer.decode(prefix) + text, answer).verdict === 'equal'
  let spent = 0
  const draw = async (
    prefix: readonly number[],
    n: number,
    key: string,
    bannedFirst?: readonly number[],
  ): Promise<Drawn> => {
    spent += n
    const drawn = await model.sample(
      { kind: 'tokens', ids: [...promptIds, ...prefix] },
      {
        ...{ ...rule, n, bannedFirst, maxTokens: maxTokens - prefix.length },
        seed: seedFor(seed, 'pivotal-training', id, prefix.length, key),
      },
    )
    return drawn.map((one) => ({ ...one, right: right(prefix, one) }))
  }
  return { promptIds, draw, spent: () => spent }
}

export interface Arm {
  readonly pairs: readonly PreferencePair[]
  readonly rollouts: number
}

/** Pairs of whole responses: right over wrong rollouts of the same question, at most `most` a question. */
export async function wholeResponses(
  model: Model,
  questions: readonly Question[],
  { seed, budget, most }: { seed: number; budget: number; most: number },
): Promise<Arm> {
  const each = Math.floor(budget / questions.length)
  const pairs: PreferencePair[] = []
  let spent = 0
  for (const question of questions) {
    const rollouts = rolloutsOf(model, question, seed)
    const ended = (await rollouts.draw([], each, 'whole')).filter((one) => one.finishReason === 'stop')
    spent += rollouts.spent()
    const [right, wrong] = [ended.filter((one) => one.right), ended.filter((one) => !one.right)]
    for (let i = 0; i < Math.min(right.length, wrong.length, most); i++)
      pairs.push({
        promptIds: rollouts.promptIds,
        chosenIds: right[i]?.tokenIds as readonly number[],
        rejectedIds: wrong[i]?.tokenIds as readonly number[],
      })
  }
  return { pairs, rollouts: spent }
}

/** One-token pairs at positions drawn uniformly from all of the trace but its end token, most of which are sure: the trace's token and
 *  another one that the policy draws there, ordered by `estimate` rollouts after each. Equal shares make no pair. */
export async function randomPositions(
  model: Model,
  questions: readonly Question[],
  { seed, budget, estimate }: { seed: number; budget: number; estimate: number },
): Promise<Arm> {
  const pairs: PreferencePair[] = []
  const random = rngFor(seed, 'pivotal-training', 'positions')
  let spent = 0
  for (let i = 0; spent + 2 * estimate < budget; i++) {
    const question = questions[i % questions.length] as Question
    const position = random.below(question.trace.length - 1)
    const token = question.trace[position] as number
    const prefix = question.trace.slice(0, position)
    const rollouts = rolloutsOf(model, question, seed)
    const [other] = await rollouts.draw(prefix, 1, `other ${i}`, [token])
    const otherId = other?.tokenIds?.[0] as number
    // An answer that ends here has its verdict: no rollout tells more.
    const ends = otherId === model.tokenizer?.eos.id
    const share = async (id: number): Promise<number> =>
      (await rollouts.draw([...prefix, id], estimate, `value ${id} ${i}`)).filter((one) => one.right).length
    const verdict = other?.right === true ? estimate : 0
    const [own, its] = [await share(token), ends ? verdict : await share(otherId)]
    spent += rollouts.spent()
    if (own === its) continue
    const [chosen, rejected] = own > its ? [token, otherId] : [otherId, token]
    pairs.push({
      promptIds: [...rollouts.promptIds, ...prefix],
      chosenIds: [chosen],
      rejectedIds: [rejected],
    })
  }
  return { pairs, rollouts: spent }
}
