import { loadAdapted } from '../nn/adapted.ts'
import type { Generated } from '../nn/sampler.ts'
import type { SamplingRule } from '../nn/sampling.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import type { Completion, Model, Prompt, Tokenizer, TokenScore } from './model.ts'
import { openPool } from './pool.ts'

export interface LocalModelOptions {
  /** Worker threads, each with the weights of its own. */
  readonly workers?: number
  /** PEFT folder of an adapter to sample with: merged into the weights. */
  readonly adapter?: string
}

/** A model folder sampled in this process, on worker threads with the SIMD kernels of nn/wasm. */
export async function localModel(
  folder: string,
  { workers = 2, adapter }: LocalModelOptions = {},
): Promise<Model> {
  const { name, sha256, config } = await loadAdapted({ folder, adapter })
  const tokenizer = await loadTokenizer(folder)
  const pool = openPool({ folder, adapter }, workers)
  return {
    id: `local:${name}@${sha256.slice(0, 12)}`,
    capabilities: {
      tokenIdsIn: true,
      tokenIdsOut: true,
      samplerLogprobs: true,
      score: true,
      bannedFirst: true,
    },
    tokenizer,
    sample: async (prompt, { signal, n, seed, ...options }) => {
      const ids = promptIds(prompt, tokenizer)
      // A completion ends at the model's last position; a prompt that leaves no room is refused below.
      const room = config.maxPositions - ids.length
      const maxTokens = room < 1 ? options.maxTokens : Math.min(options.maxTokens, room)
      const request = {
        kind: 'generate' as const,
        prompts: [ids],
        options: { ...ruleOf(options), bannedFirst: options.bannedFirst, maxTokens, n, seeds: [seed] },
      }
      const [generated = []] = (await pool.ask(request, signal)) as Generated[][]
      return generated.map((one) => completionOf(one, ids.length, tokenizer))
    },
    score: async (ids, { signal, from, ...rule }) =>
      (await pool.ask({ kind: 'score', ids: [...ids], from, rule: ruleOf(rule) }, signal)) as TokenScore[],
    close: pool.close,
  }
}

/** What a thread is handed: no function can go there. */
const ruleOf = ({ temperature, topP, topK, minP }: SamplingRule): SamplingRule => ({
  temperature,
  topP,
  topK,
  minP,
})

/** A prompt's exact ids, a chat rendered by the model's own template. */
export function promptIds(prompt: Prompt, tokenizer: Tokenizer): readonly number[] {
  if (prompt.kind === 'tokens') return prompt.ids
  return tokenizer.encode(prompt.kind === 'text' ? prompt.text : tokenizer.renderChat(prompt.messages))
}

/** A completion as the model type has it. */
export function completionOf(
  { tokenIds, logprobs, modelLogprobs, finishReason }: Generated,
  promptTokens: number,
  tokenizer: Tokenizer,
): Completion {
  const text = tokenizer.decode(finishReason === 'stop' ? tokenIds.slice(0, -1) : tokenIds)
  const completionTokens = tokenIds.length
  return { text, tokenIds, logprobs, modelLogprobs, finishReason, promptTokens, completionTokens }
}
