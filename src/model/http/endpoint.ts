import { FulcrumError } from '../../errors.ts'
import type { Capabilities, Completion, Model, SampleOptions, Tokenizer } from '../model.ts'
import type { Connection } from './connection.ts'
import { inTurns, mostWaiting } from '../turns.ts'
import type { DialectName, Part } from './dialect.ts'

/** One thing a probe found out, in words. */
export interface Check {
  readonly what: string
  /** Null: nothing to find it out with. */
  readonly ok: boolean | null
  readonly detail: string
}

/** A server that has been tried. */
export interface Endpoint extends Pick<Model, 'sample' | 'score'> {
  readonly dialect: DialectName
  readonly capabilities: Capabilities
  readonly tokenizer: Tokenizer | null
  /** Completions one request brings at most. */
  readonly atOnce: number
  readonly checks: readonly Check[]
}

/** options.n completions in launch order, in as few requests as the server allows. Child i of a request draws from seed + i,
 *  so the parts continue one sequence of seeds. A greedy answer is asked for once. */
export async function inParts(
  { n, temperature, topP, topK, minP, maxTokens, seed }: SampleOptions,
  size: number,
  ask: (part: Part) => Promise<readonly Completion[]>,
): Promise<readonly Completion[]> {
  const options = { temperature, topP, topK, minP, maxTokens, seed }
  if (temperature === 0 && n > 0) {
    const [greedy] = await ask({ ...options, n: 1 })
    return Array<Completion>(n).fill(greedy as Completion)
  }
  const all = Array<Completion>(n)
  await inTurns(stepsTo(n, size), mostWaiting.live, async (first) => {
    const wanted = Math.min(size, n - first)
    const found = await ask({ ...options, n: wanted, seed: seed + first })
    for (const [i, one] of found.entries()) all[first + i] = one
    if (found.length === wanted) return
    throw new FulcrumError(
      'model',
      `The server gave ${found.length} completions where ${wanted} were asked for`,
      'Look at the server: it answered otherwise when it was tried first.',
    )
  })
  return all
}

function* stepsTo(n: number, size: number): Generator<number> {
  for (let first = 0; first < n; first += size) yield first
}

export function cannot({ options: { baseUrl, model } }: Connection, what: string): FulcrumError {
  return new FulcrumError(
    'model',
    `${model} at ${baseUrl} cannot ${what}`,
    'Use temperature 1 without top-p, top-k and min-p, a server with token ids (vLLM, SGLang, llama-server) and --tokenizer, or a local model folder; fulcrum doctor --endpoint shows what a server does.',
  )
}
