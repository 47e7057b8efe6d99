import { FulcrumError } from '../errors.ts'
import { rngFor } from '../statistics/random.ts'
import { checkRule, pick, type SamplingRule } from './sampling.ts'

export interface GenerateOptions extends SamplingRule {
  /** Continuations of each prompt; they share the prompt's keys and values. */
  readonly n: number
  readonly maxTokens: number
  /** Continuation i of prompt p draws from rngFor(seeds[p], i). */
  readonly seeds: readonly number[]
  /** Ids that no continuation begins with, taken out before the temperature. To force a first token, end the prompt
   *  with it. */
  readonly bannedFirst?: readonly number[] | undefined
}

export interface Generated {
  /** With the end token when finishReason is 'stop'. */
  readonly tokenIds: number[]
  /** Of each token under the sampler itself, nats. */
  readonly logprobs: number[]
  /** Of each token under the model, temperature 1 and nothing cut off, nats. */
  readonly modelLogprobs: number[]
  readonly finishReason: 'stop' | 'length'
}

/** A completion while it is drawn. */
export interface Continuation extends Generated {
  finishReason: 'stop' | 'length'
  /** Draws the next token from logits [V]; an end token finishes it. */
  readonly extend: (logits: Float32Array) => void
}

/** The n continuations of prompt p, nothing drawn yet. */
export function newContinuations(options: GenerateOptions, p: number, eos: number): Continuation[] {
  return Array.from({ length: options.n }, (_, i) => {
    const random = rngFor(options.seeds[p] as number, i)
    const one: Continuation = {
      ...{ tokenIds: [], logprobs: [], modelLogprobs: [], finishReason: 'length' as const },
      extend: (logits) => {
        const banned = one.tokenIds.length === 0 ? options.bannedFirst : undefined
        const { id, logprob, modelLogprob } = pick(logits, options, random.next(), banned)
        one.tokenIds.push(id)
        one.logprobs.push(logprob)
        one.modelLogprobs.push(modelLogprob)
        if (id === eos) one.finishReason = 'stop'
      },
    }
    return one
  })
}

/** Continuations of all prompts in order, as [prompts][n] results. */
export function finished(continuations: readonly Continuation[], n: number): Generated[][] {
  const plain = continuations.map(({ tokenIds, logprobs, modelLogprobs, finishReason }) => ({
    ...{ tokenIds, logprobs, modelLogprobs, finishReason },
  }))
  return Array.from({ length: plain.length / n }, (_, p) => plain.slice(p * n, (p + 1) * n))
}

/** Of a model: as in its config. */
interface Limits {
  readonly maxPositions: number
  readonly vocabSize: number
}

/** Refuses what a model cannot continue. */
export function checkRequest(
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
  { maxPositions, vocabSize }: Limits,
): void {
  checkRule(options)
  if (!(options.maxTokens >= 1)) {
    throw new FulcrumError(
      'config',
      `No completion has ${options.maxTokens} tokens`,
      'Wanted: maxTokens from 1.',
    )
  }
  for (const ids of prompts) checkIds(ids, vocabSize)
  checkLength(Math.max(...prompts.map(({ length }) => length)) + options.maxTokens, maxPositions)
  const banned = new Set(options.bannedFirst)
  checkIds([0, ...banned], vocabSize)
  if (banned.size < vocabSize) return
  throw new FulcrumError('config', `All ${vocabSize} tokens are banned`, 'Leave at least one first token.')
}

/** Refuses what a model cannot score. */
export function checkScored(
  ids: readonly number[],
  from: number,
  rule: SamplingRule,
  { maxPositions, vocabSize }: Limits,
): void {
  checkRule(rule)
  checkIds(ids, vocabSize)
  checkLength(ids.length, maxPositions)
  if (Number.isSafeInteger(from) && from >= 1) return
  throw new FulcrumError(
    'model',
    `No score begins at token ${from}`,
    'The first token has nothing before it: from 1.',
  )
}

/** Refuses ids outside a vocabulary and a sequence without any. */
function checkIds(ids: readonly number[], vocabSize: number): void {
  const foreign = ids.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabSize)
  if (foreign === undefined && ids.length > 0) return
  throw new FulcrumError(
    'model',
    foreign === undefined
      ? 'An empty prompt has no next token'
      : `Token ${foreign} is not one of the model's ${vocabSize}`,
    'Use the tokenizer that came with the model; begin an empty prompt with its first special token.',
  )
}

/** Refuses a sequence that the model has no positions for. */
function checkLength(length: number, most: number): void {
  if (length <= most) return
  throw new FulcrumError(
    'model',
    `A sequence of ${length} tokens does not fit the model's ${most} positions`,
    'Lower the token limit (--max-tokens) or leave out longer problems.',
  )
}
