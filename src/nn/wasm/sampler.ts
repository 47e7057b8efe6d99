import { FulcrumError } from '../../errors.ts'
import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderConfig } from '../config.ts'
import { checkRequest, checkScored, type Continuation, finished, newContinuations } from '../continuation.ts'
import { checkShapes, type Generated, type GenerateOptions, type Sampler } from '../sampler.ts'
import { type SamplingRule, type Scored, scoreOf } from '../sampling.ts'
import { openEngine, type Engine, type Row, type Run } from './engine.ts'

/** Sequences decoded at once: wide enough to keep weights in cache, small enough for the memory of long prompts. */
const widest = 64

/** Whether the kernels take a model's shape: their vectors hold 4 floats, their tiles 8. */
export const fitsKernels = ({ hiddenSize, headDim }: DecoderConfig): boolean =>
  hiddenSize % 8 === 0 && headDim % 4 === 0

/** A sampler on our kernels. */
export interface WasmSampler extends Sampler {
  /** Bytes of weights with activations, and the most that keys and values have taken since it was opened. */
  readonly memory: () => { readonly model: number; readonly keysAndValues: number }
}

/** A sampler on a CPU: our own SIMD kernels, one thread. What a sequence draws does not depend, to the last bit, on
 *  the sequences decoded beside it. `beforePass` is called before every pass; what it throws ends the call. */
export async function createWasmSampler(
  checkpoint: Checkpoint,
  beforePass: () => void = () => undefined,
): Promise<WasmSampler> {
  const { config } = checkpoint
  if (!fitsKernels(config)) {
    throw new FulcrumError(
      'model',
      `The SIMD kernels take no model of hidden size ${config.hiddenSize} and head size ${config.headDim}`,
      'They want multiples of 8 and 4; createSampler samples from any shape.',
    )
  }
  const engine = await openEngine(checkpoint, beforePass)
  return {
    generate: async (prompts, options) => {
      await Promise.resolve()
      checkRequest(prompts, options, config)
      const perChunk = Math.max(1, Math.floor(widest / options.n))
      const results: Generated[][] = []
      for (let at = 0; at < prompts.length; at += perChunk) {
        const seeds = options.seeds.slice(at, at + perChunk)
        results.push(...generate(engine, prompts.slice(at, at + perChunk), { ...options, seeds }))
      }
      return results
    },
    score: async (ids, from, rule) => {
      await Promise.resolve()
      checkScored(ids, from, rule, config)
      return score(engine, ids, from, rule)
    },
    setWeights: (weights) => {
      checkShapes(config, weights)
      engine.setWeights(weights)
    },
    memory: engine.memory,
    dispose: () => {
      engine.release(engine.bottom)
    },
  }
}

/** One continuation: the prompt's run, which its siblings read too, and a run of its own. */
interface Branch {
  readonly one: Continuation
  readonly prompt: Run
  readonly promptLength: number
  readonly own: Run
}

function generate(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Generated[][] {
  engine.release(engine.bottom)
  const started = prompts.map((ids, p) => {
    const prompt = engine.newRun(ids.length)
    const [scores] = engine.forward(promptRows(engine, ids, prompt), [ids.length - 1])
    const continuations = newContinuations(options, p, engine.eos)
    for (const one of continuations) one.extend(scores as Float32Array)
    return continuations.map((one) => ({ one, prompt, promptLength: ids.length }))
  })
  const branches = started.flat()
  const top = engine.mark()
  for (let at = 0; at < branches.length; at += widest) {
    engine.release(top)
    const some = branches.slice(at, at + widest)
    finish(
      engine,
      some.map((branch) => ({ ...branch, own: engine.newRun(options.maxTokens) })),
      options.maxTokens,
    )
  }
  return finished(
    branches.map(({ one }) => one),
    options.n,
  )
}

/** Decodes branches side by side, each from its first token, until all have ended. */
function finish(engine: Engine, branches: readonly Branch[], maxTokens: number): void {
  let active = branches.filter(({ one }) => one.finishReason === 'length')
  for (let step = 1; step < maxTokens && active.length > 0; step++) {
    const rows = active.map(({ one, prompt, promptLength, own }): Row => {
      const id = one.tokenIds.at(-1) as number
      const position = promptLength + step - 1
      return { id, position, first: prompt, firstCount: promptLength, second: own, secondCount: step }
    })
    const scores = engine.forward(
      rows,
      rows.map((_, i) => i),
    )
    active.forEach(({ one }, i) => {
      one.extend(scores[i] as Float32Array)
    })
    active = active.filter(({ one }) => one.finishReason === 'length')
  }
}

/** Every prompt token as a row that writes into the prompt's run and looks at all before it. */
function promptRows(engine: Engine, ids: readonly number[], prompt: Run): Row[] {
  return ids.map((id, position) => ({
    id,
    position,
    first: engine.empty,
    firstCount: 0,
    second: prompt,
    secondCount: position + 1,
  }))
}

function score(engine: Engine, ids: readonly number[], from: number, rule: SamplingRule): Scored[] {
  engine.release(engine.bottom)
  const rows = promptRows(engine, ids.slice(0, -1), engine.newRun(ids.length))
  const wanted = ids.slice(from)
  const logits = engine.forward(
    rows,
    wanted.map((_, i) => from + i - 1),
  )
  return wanted.map((id, i) => scoreOf(logits[i] as Float32Array, id, rule))
}
