import { availableParallelism } from 'node:os'
import { FulcrumError } from '../errors.ts'
import { type Probe, reasonOf } from '../nn/backend.ts'

/** The part of node-llama-cpp 3.22 used here; it is an optional peer, so its own types are not there. */
export interface LlamaLibrary {
  getLlama(options: object): Promise<Llama>
}

interface Llama {
  /** false is the CPU. */
  readonly gpu: string | false
  getGpuDeviceNames(): Promise<readonly string[]>
  loadModel(options: object): Promise<LlamaFile>
  dispose(): Promise<void>
}

interface LlamaFile {
  readonly trainContextSize: number
  readonly fileInfo: {
    readonly metadata: {
      readonly tokenizer: {
        readonly ggml: { readonly tokens: readonly string[]; readonly eos_token_id?: number }
      }
    }
  }
  createContext(options: object): Promise<LlamaContext>
}

interface LlamaContext {
  readonly contextSize: number
  getSequence(): LlamaSequence
}

/** One sequence of a context with keys and values of its own. */
export interface LlamaSequence {
  readonly nextTokenIndex: number
  adaptStateToTokens(tokens: readonly number[], allowShift: boolean): Promise<void>
  controlledEvaluate(tokens: readonly LlamaInput[]): Promise<(LlamaOutput | undefined)[]>
  /** Private in node-llama-cpp: copies keys and values instead of reading the prompt again. */
  _copyStateFromOtherSequence?(other: LlamaSequence, upToTokenIndex: number): Promise<boolean | undefined>
}

export type LlamaInput = number | readonly [number, { readonly generateNext: { readonly logits: true } }]
interface LlamaOutput {
  readonly next: { readonly logits?: ReadonlyMap<number, number> }
}

/** A GGUF file opened for exact estimates. */
export interface OpenLlama {
  readonly vocabSize: number
  readonly eos: number | null
  /** Positions of a sequence. */
  readonly positions: number
  readonly sequences: readonly LlamaSequence[]
  readonly close: () => Promise<void>
}

export interface OpenLlamaOptions {
  readonly file: string
  readonly adapter?: string | undefined
  readonly sequences: number
  readonly threads?: number | undefined
  readonly gpu?: 'auto' | 'cuda' | 'vulkan' | 'metal' | false | undefined
  readonly library?: LlamaLibrary | undefined
}

/** Opens a file with keys and values in F32 and without flash attention: F16 moves probabilities by up to 2e-3. */
export async function openLlama(options: OpenLlamaOptions): Promise<OpenLlama> {
  const library = options.library ?? (await importLibrary())
  const llama = await start(library, options.gpu ?? 'auto')
  try {
    const model = await llama.loadModel({ modelPath: options.file })
    const context = await model.createContext({
      sequences: options.sequences,
      contextSize: { max: model.trainContextSize },
      flashAttention: false,
      experimentalKvCacheKeyType: 'F32',
      experimentalKvCacheValueType: 'F32',
      ...threadsOf(options.threads),
      ...(options.adapter !== undefined && { lora: options.adapter }),
    })
    const sequences = Array.from({ length: options.sequences }, () => context.getSequence())
    if (typeof sequences[0]?._copyStateFromOtherSequence !== 'function') {
      throw new FulcrumError('model', 'This node-llama-cpp cannot fork a sequence', install)
    }
    return {
      vocabSize: model.fileInfo.metadata.tokenizer.ggml.tokens.length,
      eos: model.fileInfo.metadata.tokenizer.ggml.eos_token_id ?? null,
      positions: Math.min(model.trainContextSize, context.contextSize),
      sequences,
      close: () => llama.dispose(),
    }
  } catch (error) {
    await llama.dispose()
    if (error instanceof FulcrumError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new FulcrumError(
      'model',
      `node-llama-cpp cannot open ${options.file}: ${reason}`,
      'Check the file, the adapter and the free memory; fewer sequences take less.',
      error,
    )
  }
}

const install = 'npm install node-llama-cpp@3.22.0 (725 MB; its install script is not needed).'

/** Whether GGUF files can be opened here, and on what. */
export async function probeLlama(): Promise<Probe> {
  const name = 'node-llama-cpp'
  try {
    const llama = await start(await importLibrary(), 'auto')
    const devices = llama.gpu === false ? [] : await llama.getGpuDeviceNames()
    await llama.dispose()
    const detail =
      llama.gpu === false ? 'llama.cpp on the CPU' : `llama.cpp on ${llama.gpu}: ${devices.join(', ')}`
    return { name, ok: true, detail, install: '' }
  } catch (error) {
    const cause = error instanceof FulcrumError ? error.cause : error
    return { name, ok: false, detail: reasonOf(cause), install }
  }
}

async function importLibrary(): Promise<LlamaLibrary> {
  const name = 'node-llama-cpp'
  try {
    return (await import(name)) as LlamaLibrary
  } catch (cause) {
    throw new FulcrumError(
      'config',
      'A GGUF file needs node-llama-cpp, which is not installed',
      install,
      cause,
    )
  }
}

/** A build for a GPU may load where no device is: then the CPU's is taken. */
async function start(library: LlamaLibrary, gpu: NonNullable<OpenLlamaOptions['gpu']>): Promise<Llama> {
  const quiet = { build: 'never', logLevel: 'error', progressLogs: false }
  const llama = await library.getLlama({ ...quiet, gpu })
  if (llama.gpu === false || (await llama.getGpuDeviceNames()).length > 0) return llama
  await llama.dispose()
  return library.getLlama({ ...quiet, gpu: false })
}

/** On two cores a second thread spins more than it computes: 13 tokens/s were seen on a shared box. */
function threadsOf(threads: number | undefined): object {
  if (threads !== undefined) return { threads }
  return availableParallelism() <= 2 ? { threads: 1 } : {}
}
