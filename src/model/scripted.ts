import { FulcrumError } from '../errors.ts'
import type { Completion, Model, Prompt, SampleOptions, Tokenizer } from './model.ts'

export interface ScriptedCall {
  readonly prompt: Prompt
  readonly options: SampleOptions
}

/** A completion as text alone, or with more of its parts. */
type ScriptedAnswer = string | Partial<Completion>

export interface ScriptedModelOptions {
  readonly id?: string
  readonly tokenizer?: Tokenizer
  /** The completion of sample i, computed; or a queue, taken from in launch order. */
  readonly complete:
    | ((prompt: Prompt, i: number, options: SampleOptions) => ScriptedAnswer | Promise<ScriptedAnswer>)
    | readonly ScriptedAnswer[]
  /** Sampler log-probabilities; without it the model cannot score. */
  readonly score?: (ids: readonly number[], from: number) => readonly number[]
}

/** A model whose answers are computed or queued, and whose calls are recorded: for tests and dry runs. With a tokenizer
 *  answers have ids, and those longer than maxTokens are cut off as an engine would. */
export function scriptedModel(
  script: ScriptedModelOptions,
): Model & { readonly calls: readonly ScriptedCall[] } {
  const calls: ScriptedCall[] = []
  const { tokenizer = null, id = 'scripted' } = script
  const complete = typeof script.complete === 'function' ? script.complete : fromQueue(id, script.complete)
  return {
    calls,
    id,
    capabilities: {
      tokenIdsIn: tokenizer !== null,
      tokenIdsOut: tokenizer !== null,
      samplerLogprobs: false,
      score: script.score !== undefined,
    },
    tokenizer,
    sample: async (prompt, options) => {
      calls.push({ prompt, options })
      const answers: Promise<ScriptedAnswer>[] = []
      for (let i = 0; i < options.n; i++) answers.push(Promise.resolve(complete(prompt, i, options)))
      return (await Promise.all(answers)).map((answer) =>
        whole(typeof answer === 'string' ? { text: answer } : answer, tokenizer, options.maxTokens),
      )
    },
    score: (ids, { from }) =>
      script.score === undefined
        ? Promise.reject(
            new FulcrumError(
              'model',
              `${id} cannot score given tokens`,
              'Give scriptedModel a score function.',
            ),
          )
        : Promise.resolve(
            script.score(ids, from).map((logprob) => ({ logprob, entropy: null, isGreedy: null })),
          ),
    close: () => Promise.resolve(),
  }
}

function fromQueue(id: string, answers: readonly ScriptedAnswer[]): () => ScriptedAnswer {
  let next = 0
  return () => {
    const answer = answers[next++]
    if (answer !== undefined) return answer
    throw new FulcrumError(
      'model',
      `${id} was asked for completion ${next} and has ${answers.length}`,
      'Queue as many answers as the run asks for.',
    )
  }
}

function whole(part: Partial<Completion>, tokenizer: Tokenizer | null, maxTokens: number): Completion {
  const wanted = part.finishReason ?? 'stop'
  const end = wanted === 'stop' && tokenizer !== null ? [tokenizer.eos.id] : []
  const all = part.tokenIds ?? (tokenizer === null ? null : [...tokenizer.encode(part.text ?? ''), ...end])
  const cut = all !== null && all.length > maxTokens
  const tokenIds = cut ? all.slice(0, maxTokens) : all
  const finishReason = cut ? 'length' : wanted
  const decoded =
    tokenIds === null
      ? ''
      : (tokenizer?.decode(finishReason === 'stop' ? tokenIds.slice(0, -1) : tokenIds) ?? '')
  return {
    logprobs: null,
    modelLogprobs: null,
    promptTokens: 0,
    completionTokens: tokenIds?.length ?? 0,
    ...part,
    text: cut ? decoded : (part.text ?? decoded),
    tokenIds,
    finishReason,
  }
}
