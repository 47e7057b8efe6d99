import type { Completion, Model, Prompt, SampleOptions, Tokenizer } from './model.ts'

export interface ScriptedCall {
  readonly prompt: Prompt
  readonly options: SampleOptions
}

export interface ScriptedModelOptions {
  readonly id?: string
  readonly tokenizer?: Tokenizer
  /** The completion of sample i, as text or with more of its parts; may be asynchronous. */
  readonly complete: (
    prompt: Prompt,
    i: number,
    options: SampleOptions,
  ) => string | Partial<Completion> | Promise<string | Partial<Completion>>
  /** Sampler log-probabilities; without it the model cannot score. */
  readonly score?: (ids: readonly number[], from: number) => readonly number[]
}

/** A model whose answers are computed, and whose calls are recorded: for tests and dry runs. */
export function scriptedModel(
  script: ScriptedModelOptions,
): Model & { readonly calls: readonly ScriptedCall[] } {
  const calls: ScriptedCall[] = []
  const { tokenizer = null } = script
  return {
    calls,
    id: script.id ?? 'scripted',
    capabilities: {
      tokenIdsIn: tokenizer !== null,
      tokenIdsOut: tokenizer !== null,
      samplerLogprobs: false,
      score: script.score !== undefined,
    },
    tokenizer,
    sample: (prompt, options) => {
      calls.push({ prompt, options })
      const answers = Array.from({ length: options.n }, async (_, i) => {
        const answer = await script.complete(prompt, i, options)
        return whole(typeof answer === 'string' ? { text: answer } : answer, tokenizer)
      })
      return Promise.all(answers)
    },
    score: (ids, { from }) =>
      script.score === undefined
        ? Promise.reject(new TypeError('this scripted model has no score'))
        : Promise.resolve(script.score(ids, from)),
    close: () => Promise.resolve(),
  }
}

function whole(part: Partial<Completion>, tokenizer: Tokenizer | null): Completion {
  const finishReason = part.finishReason ?? 'stop'
  const end = finishReason === 'stop' && tokenizer !== null ? [tokenizer.eos.id] : []
  const tokenIds =
    part.tokenIds ?? (tokenizer === null ? null : [...tokenizer.encode(part.text ?? ''), ...end])
  const text =
    part.text ??
    (tokenIds === null ? '' : (tokenizer?.decode(tokenIds.slice(0, tokenIds.length - end.length)) ?? ''))
  return {
    text,
    tokenIds,
    logprobs: null,
    finishReason,
    promptTokens: 0,
    completionTokens: tokenIds?.length ?? 0,
    ...part,
  }
}
