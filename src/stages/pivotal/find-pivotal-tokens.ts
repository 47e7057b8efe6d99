import { FulcrumError } from '../../errors.ts'
import { gradeOf, type Model, type Tokenizer } from '../../model/model.ts'
import { type Dropped, expand } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Row } from '../../record/columns.ts'
import { pivotColumns } from '../../record/pivotal-tokens.ts'
import { share } from '../../statistics/estimate.ts'
import { seedFor } from '../../statistics/random.ts'
import type { Verifier } from '../../verify/verifier.ts'
import type { Sampler } from '../generate-traces.ts'
import { describePivot } from './describe.ts'
import { requireOneProcess } from './one-process.ts'
import { type NodeSample, rolloutProcess, samplingRule } from './rollouts.ts'
import { searchPivots } from './search/published.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
  trace_id: col.string('trace id'),
  completion: col.string('trace to search'),
  completion_ids: col.nullable(col.list(col.int32('token id'), 'its exact ids')),
  teacher_model: col.string('model that wrote it'),
}
type TraceRow = Row<typeof needs>

export interface FindPivotalTokensOptions extends Sampler {
  readonly student: Model
  readonly verifier: Verifier
  /** Least change of the success probability. .2 fits the .2-.8 filter; the report gives no value. */
  readonly gap: number
  /** Rollouts an estimate takes; figure 3 of the report used 529. */
  readonly rollouts: number
  /** Close spans by exact log-probabilities; off gives the published recursion alone. */
  readonly prune?: boolean
  readonly concurrency?: number
}

/** Finds the tokens of a trace that decide whether the student's answer comes out right (Phi-4 report, section 4.3),
 *  re-estimates each on fresh rollouts, and certifies a one-token pair. One row a pivotal token. */
export function findPivotalTokens(of: FindPivotalTokensOptions): Stage<typeof needs, typeof pivotColumns> {
  const { student, verifier, gap, rollouts, prune = true, temperature, topP, topK, maxTokens } = of
  const tokenizer = requireExact(student)
  requireChance(temperature)
  // Both ends of the trace, the bisection of one pivot in a trace of full length, its confirmation. More pivots cost more.
  const estimates = 2 + Math.ceil(Math.log2(maxTokens)) + 3
  // Once a shard: what a shard asks for is the same whether or not the run was cut off before it.
  const checked = new Map<number | undefined, Promise<void>>()
  return expand({
    name: 'findPivotalTokens',
    needs,
    adds: pivotColumns,
    models: [student],
    options: { verifier: verifier.id, gap, rollouts, prune, temperature, topP, topK, maxTokens },
    callsPerRow: rollouts * estimates,
    asks: { requestsPerRow: estimates, maxTokens, longestPrefix: maxTokens },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const check =
        checked.get(run.shard) ??
        requireOneProcess(student, promptOf(tokenizer, row), {
          ...samplingRule(of),
          maxTokens,
          seed: seedFor(run.seed, 'findPivotalTokens', 'one process'),
          signal: run.signal,
        })
      checked.set(run.shard, check)
      await check
      return searchTrace({ ...of, prune }, tokenizer, row, run)
    },
  })
}

/** Estimates need exact ids both ways and the sampler's own log-probabilities: refused before anything is spent. */
function requireExact(student: Model): Tokenizer {
  const { id, tokenizer } = student
  const { grade, lacks } = gradeOf(student)
  if (tokenizer !== null && grade === 'exact') return tokenizer
  throw new FulcrumError(
    'model',
    `${id} cannot be searched for pivotal tokens: it lacks ${lacks.join(', ')}`,
    'Use a local model folder, or an endpoint that takes and returns token ids (vLLM, SGLang, llama-server) with --tokenizer; fulcrum doctor --endpoint shows what one does.',
  )
}

function requireChance(temperature: number): void {
  if (temperature > 0) return
  throw new FulcrumError(
    'plan',
    `findPivotalTokens at temperature ${temperature}: a greedy policy has no success probability between 0 and 1`,
    'Give the temperature that the policy is used with, above 0.',
  )
}

async function searchTrace(
  of: FindPivotalTokensOptions & { readonly prune: boolean },
  tokenizer: Tokenizer,
  row: TraceRow,
  run: Run,
): Promise<readonly Row<typeof pivotColumns>[] | Dropped> {
  const { student, gap, rollouts, prune } = of
  const promptIds = promptOf(tokenizer, row)
  const traceIds = exactIds(tokenizer, row)
  if (traceIds === null) return { drop: "trace changed by the policy's tokenizer" }
  if (traceIds.length > of.maxTokens) return { drop: 'trace longer than the token limit' }
  const scores = await student.score([...promptIds, ...traceIds], {
    ...samplingRule(of),
    from: promptIds.length,
    signal: run.signal,
  })
  const process = rolloutProcess({
    ...of,
    promptIds,
    problem: row.problem,
    answer: row.answer,
    key: [run.seed, 'findPivotalTokens', row.trace_id],
    run,
  })
  const trace = { promptIds, traceIds, scores, onPolicy: row.teacher_model === student.id }
  const nodes = new Map<number, NodeSample>()
  const found = await searchPivots(
    {
      logprobs: scores.map(({ logprob }) => logprob),
      estimate: async (node) => {
        const sample = await process.sample(traceIds.slice(0, node), rollouts, 'search')
        nodes.set(node, sample)
        return share(sample.estimate)
      },
    },
    { gap, prune },
  )
  run.count('traces_searched')
  run.count('trace_tokens', traceIds.length)
  run.count('trace_tokens_pruned', found.tokensPruned)
  run.count('nodes_estimated', found.nodesEstimated)
  if (found.pivots.length === 0) return { drop: 'no pivotal token' }
  const rows: Row<typeof pivotColumns>[] = []
  for (const position of found.pivots) {
    rows.push(await describePivot({ ...of, tokenizer }, { ...trace, nodes, position, process }))
  }
  run.count('pivotal_tokens', rows.length)
  run.count('pivotal_tokens_confirmed', rows.filter(({ confirmed }) => confirmed).length)
  run.count('certified_pairs', rows.filter(({ chosen_id: id }) => id !== null).length)
  return rows
}

const promptOf = (tokenizer: Tokenizer, { problem }: TraceRow): readonly number[] =>
  tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem }]))

/** The trace's own ids where they are the student's, else its text encoded once by the student's tokenizer; null if
 *  that cannot spell it. */
function exactIds(
  tokenizer: Tokenizer,
  { completion, completion_ids: ids }: TraceRow,
): readonly number[] | null {
  const whole = completion + tokenizer.eos.text
  if (ids !== null && tokenizer.decode(ids) === whole) return ids
  const encoded = [...tokenizer.encode(completion), tokenizer.eos.id]
  return tokenizer.decode(encoded) === whole ? encoded : null
}
