import { basename } from 'node:path'
import pLimit from 'p-limit'
import { FulcrumError } from '../errors.ts'
import {
  checkRequest,
  checkScored,
  type Continuation,
  type GenerateOptions,
  newContinuations,
} from '../nn/continuation.ts'
import { scoreOf } from '../nn/sampling.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import { sha256OfFile } from '../store/files.ts'
import {
  type LlamaInput,
  type LlamaLibrary,
  type LlamaSequence,
  openLlama,
  type OpenLlama,
} from './llama-library.ts'
import { completionOf, promptIds } from './local.ts'
import type { Model, SampleOptions, ScoreOptions, TokenScore } from './model.ts'

export interface LlamaModelOptions {
  /** Model folder with the tokenizer and chat template; the file's own are not used. */
  readonly tokenizer: string
  /** LoRA as GGUF, applied beside the weights. */
  readonly adapter?: string | undefined
  /** Completions decoded side by side; at most 255 (llama.cpp holds 256 sequences). */
  readonly width?: number
  /** Threads of llama.cpp; 1 on machines of up to two cores, else its own choice. */
  readonly threads?: number
  readonly gpu?: 'auto' | 'cuda' | 'vulkan' | 'metal' | false
  /** node-llama-cpp, where it is not found by its name. */
  readonly library?: LlamaLibrary
}

/** A GGUF file sampled by llama.cpp through node-llama-cpp. The prompt is read once and forked to its completions; every
 *  token is drawn here from the raw logits, as a local model draws it: same rule, same seeds, both log-probabilities.
 *  Its sums depend by rounding on what is decoded side by side, so a draw at a boundary may fall otherwise. */
export async function llamaModel(file: string, options: LlamaModelOptions): Promise<Model> {
  const { adapter, width = 32, threads, gpu, library } = options
  const tokenizer = await loadTokenizer(options.tokenizer)
  const sha256 = await sha256OfFile(file).catch((cause: unknown) => {
    throw new FulcrumError(
      'model',
      `Cannot read ${file}`,
      'A GGUF file: fulcrum export-model writes one.',
      cause,
    )
  })
  const with_ =
    adapter === undefined ? '' : `+${basename(adapter)}@${(await sha256OfFile(adapter)).slice(0, 12)}`
  const opened = await openLlama({ file, adapter, sequences: width + 1, threads, gpu, library })
  if (opened.eos !== tokenizer.eos.id) {
    await opened.close()
    throw new FulcrumError(
      'model',
      `The tokenizer does not fit ${file}: a text ends with token ${tokenizer.eos.id} there and ${opened.eos ?? 'none'} here`,
      'Give the folder of the very model that the file was made from.',
    )
  }
  // One call at a time: its completions are the batch.
  const inTurn = pLimit(1)
  return {
    id: `llama:${basename(file)}@${sha256.slice(0, 12)}${with_}`,
    capabilities: { tokenIdsIn: true, tokenIdsOut: true, samplerLogprobs: true, score: true },
    tokenizer,
    sample: async (prompt, asked) => {
      const ids = promptIds(prompt, tokenizer)
      const all = await untilAborted(asked.signal, () => inTurn(() => generate(opened, ids, asked)))
      return all.map((one) => completionOf(one, ids.length, tokenizer))
    },
    score: (ids, asked) => untilAborted(asked.signal, () => inTurn(() => score(opened, ids, asked))),
    close: opened.close,
  }
}

async function generate(
  { sequences, positions, vocabSize, eos }: OpenLlama,
  ids: readonly number[],
  { signal, seed, ...asked }: SampleOptions,
): Promise<Continuation[]> {
  signal?.throwIfAborted()
  const room = positions - ids.length
  const maxTokens = room < 1 ? asked.maxTokens : Math.min(asked.maxTokens, room)
  const options: GenerateOptions = { ...asked, maxTokens, seeds: [seed] }
  checkRequest([ids], options, { maxPositions: positions, vocabSize })
  const [trunk, ...branches] = sequences as [LlamaSequence, ...LlamaSequence[]]
  const [first] = await readOn(trunk, ids, ids.length - 1, vocabSize)
  const all = newContinuations(options, 0, eos as number)
  for (const one of all) one.extend(first as Float32Array)
  const open = all.filter(({ finishReason }) => finishReason === 'length')
  for (let at = 0; at < open.length; at += branches.length) {
    const active = open
      .slice(at, at + branches.length)
      .map((one, i) => ({ one, branch: branches[i] as LlamaSequence }))
    for (const { branch } of active) await branch._copyStateFromOtherSequence?.(trunk, ids.length)
    await finish(active, { maxTokens, vocabSize, signal })
  }
  return all
}

interface Limits {
  readonly maxTokens: number
  readonly vocabSize: number
  readonly signal: AbortSignal | undefined
}

async function finish(
  branches: readonly { readonly one: Continuation; readonly branch: LlamaSequence }[],
  { maxTokens, vocabSize, signal }: Limits,
): Promise<void> {
  let active = branches
  for (let step = 1; step < maxTokens && active.length > 0; step++) {
    signal?.throwIfAborted()
    // node-llama-cpp puts what is asked for in one turn of the event loop into one batch.
    const rows = await Promise.all(
      active.map(({ one, branch }) => branch.controlledEvaluate([wanted(one.tokenIds.at(-1) as number)])),
    )
    active.forEach(({ one }, i) => one.extend(rowOf(rows[i]?.[0]?.next.logits, vocabSize)))
    active = active.filter(({ one }) => one.finishReason === 'length')
  }
}

async function score(
  { sequences, positions, vocabSize }: OpenLlama,
  ids: readonly number[],
  { from, signal, ...rule }: ScoreOptions,
): Promise<TokenScore[]> {
  signal?.throwIfAborted()
  checkScored(ids, from, rule, { maxPositions: positions, vocabSize })
  const scored = ids.slice(from)
  if (scored.length === 0) return []
  const rows = await readOn(sequences[0] as LlamaSequence, ids.slice(0, -1), from - 1, vocabSize)
  return scored.map((id, i) => scoreOf(rows[i] as Float32Array, id, rule))
}

/** Brings a sequence to `ids`, keeping what it has of them, and returns the logits [V] after each of ids[from..]. */
async function readOn(
  sequence: LlamaSequence,
  ids: readonly number[],
  from: number,
  vocabSize: number,
): Promise<Float32Array[]> {
  await sequence.adaptStateToTokens(ids.slice(0, from), false)
  const kept = sequence.nextTokenIndex
  const input = ids.slice(kept).map((id, i): LlamaInput => (kept + i < from ? id : wanted(id)))
  const outputs = await sequence.controlledEvaluate(input)
  return outputs.slice(from - kept).map((output) => rowOf(output?.next.logits, vocabSize))
}

const wanted = (id: number): LlamaInput => [id, { generateNext: { logits: true } }]

function rowOf(logits: ReadonlyMap<number, number> | undefined, vocabSize: number): Float32Array {
  const row = new Float32Array(vocabSize).fill(-Infinity)
  for (const [id, logit] of logits ?? []) row[id] = logit
  return row
}

/** Rejects at the signal, whoever still waits for a turn. */
async function untilAborted<T>(signal: AbortSignal | undefined, begin: () => Promise<T>): Promise<T> {
  if (signal === undefined) return begin()
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', aborted, { once: true })
    begin()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', aborted))
  })
}
