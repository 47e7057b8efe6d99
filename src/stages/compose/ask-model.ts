import type { Message, Model } from '../../model/model.ts'
import type { Run } from '../../pipeline/stage.ts'
import { seedFor } from '../../statistics/random.ts'
import { promptFor, type Sampler } from '../generate-traces.ts'
import type { Reply } from './reply.ts'

/** Whom is asked, how, and how often at most. */
export interface Author extends Sampler {
  readonly model: Model
  /** Samples taken at most until one can be read; 3 by default. */
  readonly tries?: number
}

export interface Question<T> {
  readonly messages: readonly Message[]
  readonly reply: Reply<T>
  /** Names the draw: stage, row, and which of its questions this is. */
  readonly key: readonly (string | number)[]
  /** Why a value that was read will not do, or null. */
  readonly check?: (value: T) => string | null
}

/** Asks until an answer can be read; null when none of the tries could be. Every try is a draw with a key of its own, so
 *  that a run with more tries asks for the same first ones. */
export async function askModel<T>(
  { model, tries = 3, temperature, topP, topK, maxTokens }: Author,
  { messages, reply, key, check }: Question<T>,
  run: Run,
): Promise<{ readonly value: T } | { readonly unread: string }> {
  const { prompt } = promptFor(model, messages)
  const sampler = { n: 1, temperature, topP, topK, maxTokens, signal: run.signal }
  let unread = 'not asked'
  for (let i = 0; i < tries; i++) {
    const seed = seedFor(run.seed, ...key, i)
    const [completion] = await model.sample(prompt, { ...sampler, seed })
    if (completion === undefined) continue
    run.count('tokens written', completion.completionTokens)
    if (i > 0) run.count('questions asked again')
    const reading =
      completion.finishReason === 'length'
        ? { unread: 'cut off at the token limit' }
        : reply.read(completion.text)
    const problem = 'unread' in reading ? reading.unread : (check?.(reading.value) ?? null)
    if (problem === null && 'value' in reading) return reading
    unread = problem ?? unread
  }
  return { unread }
}
