import { FulcrumError } from '../errors.ts'
import { locate } from '../store/bundled.ts'
import { findFolders } from '../nn/adapted.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import type { DialectName } from './http/dialect.ts'
import { httpModel, type HttpModelOptions } from './http.ts'
import { llamaModel } from './llama.ts'
import { localModel } from './local.ts'
import type { Model } from './model.ts'

export interface OpenModelOptions {
  /** Sent as bearer token to an HTTP endpoint; never logged. */
  readonly apiKey?: string | undefined
  /** Model folder whose tokenizer and chat template the model uses: a GGUF file needs it, an endpoint gives exact token ids with it. */
  readonly tokenizer?: string | undefined
  /** How an endpoint is asked; left out, it goes by what the server calls itself. */
  readonly dialect?: DialectName | 'auto' | undefined
  /** Worker threads of a local model. */
  readonly workers?: number | undefined
}

/** A model by one string: a folder, `FOLDER#ADAPTER_FOLDER`, the folder of an adapter that names its model,
 *  `FILE.gguf` or `FILE.gguf#LORA.gguf` for llama.cpp, or `http://host:port/v1#model-name`. With a tokenizer an endpoint is asked
 *  with token ids where it takes them, without one through /chat/completions. */
export async function openModel(spec: string, options: OpenModelOptions = {}): Promise<Model> {
  if (!/^https?:\/\//.test(spec)) {
    if (/\.gguf(#|$)/.test(spec)) return openGguf(spec, options)
    const { folder, adapter } = await findFolders(spec)
    return localModel(locate(folder), {
      ...(options.workers !== undefined && { workers: options.workers }),
      ...(adapter !== undefined && { adapter }),
    })
  }
  return httpModel(await endpointOptions(spec, options))
}

/** An endpoint by one string, `http://host:port/v1#model-name`. */
export async function endpointOptions(
  spec: string,
  { tokenizer, apiKey, dialect }: OpenModelOptions,
): Promise<HttpModelOptions> {
  const [baseUrl, model] = spec.split('#')
  if (baseUrl === undefined || model === undefined || model === '') {
    throw new FulcrumError(
      'config',
      `${spec} names no model`,
      `Write the model's name after the URL: ${baseUrl ?? spec}#model-name`,
    )
  }
  return {
    baseUrl,
    model,
    ...(dialect !== undefined && { dialect }),
    ...(apiKey !== undefined && { apiKey }),
    ...(tokenizer !== undefined && { tokenizer: await loadTokenizer(locate(tokenizer)) }),
  }
}

async function openGguf(spec: string, { tokenizer }: OpenModelOptions): Promise<Model> {
  const [file, adapter] = spec.split('#') as [string, string?]
  if (tokenizer !== undefined) return llamaModel(file, { tokenizer: locate(tokenizer), adapter })
  throw new FulcrumError(
    'config',
    `${spec} comes without a tokenizer`,
    'Name the model folder it was made from: --tokenizer FOLDER',
  )
}
