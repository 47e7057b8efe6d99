import type { Model, SampleOptions, TokenScore } from '../../src/model/model.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { rngFor } from '../../src/statistics/random.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { tokenizer } from './markov.ts'

type Rule = Pick<SampleOptions, 'temperature' | 'topP' | 'topK' | 'minP'>

/** A policy whose next tokens, and whose right answers, are drawn at random: another one for every seed. */
export interface RandomPolicy {
  /** Probability of each next token under the sampler, by id, written here once more and apart from the product. */
  readonly next: (text: string, rule: Rule, banned?: readonly number[]) => ReadonlyMap<number, number>
  /** An answer drawn under a rule; its end is forced where it would be too long. */
  readonly write: (rule: Rule, key: number) => readonly number[]
  readonly model: Model
  readonly verifier: Verifier
}

const ids = [...tokenizer.encode('xyAB01'), tokenizer.eos.id]
const longest = 7

export function randomPolicy(seed: number): RandomPolicy {
  const logitsAfter = (text: string): ReadonlyMap<number, number> => {
    const random = rngFor('random policy', seed, text)
    // The end comes sooner or later.
    const ending = (id: number): number => (id === tokenizer.eos.id ? text.length - 4 : 0)
    return new Map(ids.map((id) => [id, 5 * random.next() + ending(id)]))
  }
  const next: RandomPolicy['next'] = (text, rule, banned = []) => sampled(logitsAfter(text), rule, banned)
  const draw = (
    before: string,
    rule: Rule,
    most: number,
    key: readonly number[],
    banned?: readonly number[],
  ) => {
    const random = rngFor('random answer', seed, ...key)
    const [drawn, logprobs]: [number[], number[]] = [[], []]
    while (drawn.length < most && drawn.at(-1) !== tokenizer.eos.id) {
      const from = next(before + tokenizer.decode(drawn), rule, drawn.length === 0 ? banned : [])
      const id = chosen(from, random.next())
      drawn.push(id)
      logprobs.push(Math.log(from.get(id) as number))
    }
    return { tokenIds: drawn, logprobs }
  }
  const scripted = scriptedModel({
    id: 'random',
    tokenizer,
    complete: (prompt, i, options) => {
      const before = answerPart(prompt.kind === 'tokens' ? prompt.ids : [])
      const { seed: key, maxTokens, bannedFirst } = options
      const answer = draw(before, options, maxTokens, [key, i], bannedFirst)
      return { ...answer, finishReason: answer.tokenIds.at(-1) === tokenizer.eos.id ? 'stop' : 'length' }
    },
  })
  return {
    next,
    write: (rule, key) => {
      const drawn = draw('', rule, longest, [key]).tokenIds
      return drawn.at(-1) === tokenizer.eos.id ? drawn : [...drawn, tokenizer.eos.id]
    },
    verifier: {
      id: 'random/1',
      verify: (text) => {
        const right = rngFor('right', seed, text.slice(0, 3)).next() < 0.5
        return { verdict: right ? 'equal' : 'different', extracted: text, reason: null }
      },
    },
    model: {
      ...scripted,
      capabilities: { ...scripted.capabilities, score: true, bannedFirst: true },
      score: (all, { from, ...rule }) =>
        Promise.resolve(
          all.slice(from).map((id, k): TokenScore => {
            const p = next(answerPart(all.slice(0, from + k)), rule).get(id) ?? 0
            return { logprob: Math.log(p), entropy: null, isGreedy: null }
          }),
        ),
    },
  }
}

const answerPart = (prompt: readonly number[]): string => tokenizer.decode(prompt).split('|')[1] ?? ''

/** Temperature, min-p, top-k, nucleus, and then what is forbidden. */
function sampled(
  logits: ReadonlyMap<number, number>,
  { temperature, topP, topK, minP = 0 }: Rule,
  banned: readonly number[],
): ReadonlyMap<number, number> {
  const ranked = normal([...logits].map(([id, logit]) => [id, Math.exp(logit / temperature)]))
  const most = Math.max(...ranked.map(([, p]) => p))
  let left = ranked.filter(([, p]) => p >= minP * most).sort(([, a], [, b]) => b - a)
  if (topK > 0) left = left.slice(0, topK)
  let reached = 0
  left = normal(left).filter(([, p]) => {
    const before = reached
    reached += p
    return before < topP
  })
  return new Map(normal(normal(left).filter(([id]) => !banned.includes(id))))
}

function normal(weights: readonly (readonly [id: number, weight: number])[]): [id: number, p: number][] {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  return weights.map(([id, weight]) => [id, weight / total])
}

function chosen(from: ReadonlyMap<number, number>, uniform: number): number {
  let left = uniform
  for (const [id, p] of from) {
    left -= p
    if (left < 0) return id
  }
  return [...from.keys()].at(-1) as number
}
