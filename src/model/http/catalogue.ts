import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import type { Connection } from './connection.ts'
import { rootOf } from './dialect.ts'

/** What a server says of itself without being asked for tokens; null where it says nothing. */
export interface Catalogue {
  readonly names: readonly string[]
  /** 'vllm', 'sglang', 'llamacpp' or whatever it calls itself. */
  readonly owner: string | null
  /** Tokens of prompt and completion together. */
  readonly context: number | null
  /** Tokens the model has. */
  readonly vocabulary: number | null
  /** Completions at once, of llama-server. */
  readonly slots: number | null
}

const list = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      owned_by: z.string().nullish(),
      max_model_len: z.number().nullish(),
      meta: z.object({ n_vocab: z.number().nullish() }).nullish(),
    }),
  ),
})
const props = z.object({
  default_generation_settings: z.object({ n_ctx: z.number().nullish() }).nullish(),
  total_slots: z.number().nullish(),
})

/** Reads /models, and what llama-server tells besides. A server without it is asked all the same; one that refuses the key,
 *  is not there or answers a web page is an error here. */
export async function readCatalogue(connection: Connection): Promise<Catalogue> {
  const { model, baseUrl } = connection.options
  const found = list.safeParse(await connection.get('/models')).data?.data ?? []
  const own = found.find(({ id }) => id === model)
  const owner = (own ?? found[0])?.owned_by ?? null
  const told =
    owner === 'llamacpp' ? props.safeParse(await connection.get(`${rootOf(baseUrl)}/props`)).data : undefined
  return {
    names: found.map(({ id }) => id),
    owner,
    context: told?.default_generation_settings?.n_ctx ?? own?.max_model_len ?? null,
    vocabulary: own?.meta?.n_vocab ?? null,
    slots: told?.total_slots ?? null,
  }
}

/** Of a server that would answer whatever name it is asked for. */
export function requireName({ options: { baseUrl, model } }: Connection, { names }: Catalogue): void {
  if (names.length === 0 || names.includes(model)) return
  throw new FulcrumError(
    'model',
    `${baseUrl} has no model ${model}`,
    `Models there: ${names.slice(0, 20).join(', ')}.`,
  )
}

/** A prompt that leaves no place for one token. */
export function requireRoom(
  { options: { baseUrl, model } }: Connection,
  context: number | null,
  promptTokens: number,
): void {
  if (context === null || promptTokens < context) return
  throw new FulcrumError(
    'model',
    `A prompt of ${promptTokens} tokens and one more do not fit the context of ${context} tokens that ${model} has at ${baseUrl}`,
    'Serve it with a longer context (vLLM --max-model-len, SGLang --context-length, llama-server -c times its slots), or leave out rows that long.',
  )
}
