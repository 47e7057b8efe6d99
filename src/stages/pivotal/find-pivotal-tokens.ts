import { FulcrumError } from '../../errors.ts'
import { gradeOf, type Model, type Tokenizer } from '../../model/model.ts'
import { expand } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Row } from '../../record/columns.ts'
import { searchColumns } from '../../record/search-trace.ts'
import { seedFor } from '../../statistics/random.ts'
import type { Verifier } from '../../verify/verifier.ts'
import type { Sampler } from '../generate-traces.ts'
import { type Allowance, allowanceOf } from './allowance.ts'
import { mostUncertainFirst, rolloutBudget, shareOf } from './budget.ts'
import { requireOptions } from './check-options.ts'
import { judgeOf } from './judge.ts'
import { requireOneProcess } from './one-process.ts'
import { questionsOf } from './question.ts'
import { canForce, samplingRule } from './rollouts.ts'
import { effortOf } from './search/effort.ts'
import type { SearchMode } from './search/result.ts'
import { promptOf, searchRow } from './search-row.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
  trace_id: col.string('trace id'),
  completion: col.string('trace to search'),
  completion_ids: col.nullable(col.list(col.int32('token id'), 'its exact ids')),
  teacher_model: col.string('model that wrote it'),
}
export type TraceRow = Row<typeof needs>

export interface FindPivotalTokensOptions extends Sampler {
  readonly student: Model
  readonly verifier: Verifier
  /** How a trace is searched: frugal and thorough are ours, published is the recursion of the Phi-4 report. */
  readonly mode?: SearchMode
  /** Least change of the success probability. .2 fits the .2-.8 filter; the report gives no value. */
  readonly gap: number
  /** Share of false discoveries allowed among the confirmed pivotal tokens of a trace. */
  readonly q?: number
  /** Rollouts an estimate takes (published: 50; figure 3 of the report used 529), or most search rollouts that leave at one token
   *  (frugal 12, thorough 32). */
  readonly rollouts?: number | undefined
  /** Most fresh rollouts on either side of what was found (frugal and published 96, thorough 256). */
  readonly confirmRollouts?: number | undefined
  /** Fresh rollouts after the other token of a pair, with those that took it by themselves. */
  readonly pairRollouts?: number
  /** Token by token, or whole sentences first and then the tokens of those that may be pivotal. */
  readonly unit?: 'token' | 'sentence'
  /** Texts that end a sentence, or a step of the dataset `prm`, besides those that Unicode knows and line breaks: `;` where the
   *  policy writes `4*7=28; 28+15=43;` (none). */
  readonly stepEnds?: readonly string[]
  /** Most rollouts for one trace, where that is less than its question is worth (rolloutBudget). */
  readonly traceRollouts?: number | undefined
  /** Most rollouts for all traces of the run. Every shard has its part of them, and searches the most uncertain questions first. */
  readonly maxRollouts?: number | undefined
  /** Kind of task, as the public PTS tools name it. */
  readonly task?: string
  readonly concurrency?: number
}

/** The options with their defaults. */
export interface SearchSettings extends FindPivotalTokensOptions {
  readonly tokenizer: Tokenizer
  readonly mode: SearchMode
  readonly q: number
  readonly rollouts: number
  readonly confirmRollouts: number
  readonly pairRollouts: number
  readonly unit: 'token' | 'sentence'
  readonly stepEnds: readonly string[]
  readonly task: string
}

/** Finds the tokens of a trace that decide whether the student's answer comes out right (Phi-4 report, section 4.3),
 *  re-estimates each on fresh rollouts, and certifies a one-token pair. One row a trace; eachPivotalToken makes rows of what
 *  was found. */
export function findPivotalTokens(
  options: FindPivotalTokensOptions,
): Stage<typeof needs, typeof searchColumns> {
  const of = settingsOf(options)
  // What rows share, they share within a shard: a shard made again, or by another process, asks for the same.
  const stage: Stage<typeof needs, typeof searchColumns> = {
    ...shardSearch(of),
    apply: (rows, run) => shardSearch(of).apply(rows, run),
  }
  return of.maxRollouts === undefined ? stage : mostUncertainFirst(stage)
}

/** The search of one shard's rows. */
function shardSearch(of: SearchSettings): Stage<typeof needs, typeof searchColumns> {
  const { traceRollouts = Infinity, maxRollouts } = of
  const questionOf = questionsOf((row) => judgeOf(of.verifier, of.tokenizer, row))
  let allowance: Allowance | undefined
  let checked: Promise<void> | undefined
  return expand({
    name: 'findPivotalTokens',
    needs,
    adds: searchColumns,
    models: [of.student],
    options: identityOf(of),
    ...expectedOf(of),
    concurrency: of.concurrency ?? 8,
    // What is shared is settled here, in the order of the rows, before anything is waited for.
    each: (row, run) => {
      allowance ??= allowanceOf(maxRollouts === undefined ? undefined : shareOf(maxRollouts, run, of))
      checked ??= check(of, row, run)
      const question = questionOf(row)
      const wanted = Math.min(traceRollouts, rolloutBudget(row, of))
      const grant = allowance.take(wanted)
      const searched = Promise.all([grant.rollouts, checked, question.last])
        .then(([budget]) => searchRow(of, row, { question, budget, wanted, settle: grant.settle }, run))
        .finally(() => grant.settle(0))
      question.last = searched.catch(() => undefined)
      return searched
    },
  })
}

function settingsOf(options: FindPivotalTokensOptions): SearchSettings {
  const tokenizer = requireExact(options.student)
  requireOptions(options)
  const { mode = 'frugal', q = 0.1, unit = 'token', task = 'math', pairRollouts = 64 } = options
  const { rollouts: given, confirmRollouts, stepEnds = [] } = options
  const effort = effortOf({
    ...{ mode, gap: options.gap, q },
    ...(given !== undefined && { rollouts: given }),
    ...(confirmRollouts !== undefined && { confirmRollouts }),
  })
  const rollouts = given ?? (mode === 'published' ? 50 : effort.perArm)
  const own = { mode, q, unit, stepEnds, task, rollouts, confirmRollouts: effort.confirm, pairRollouts }
  return { ...options, tokenizer, ...own }
}

/** Everything that decides the outcome. The tokenizer and the chat template too: with another one, what is on disk already is of
 *  another process, and the run does not go on. */
function identityOf(of: SearchSettings): Readonly<Record<string, unknown>> {
  const { verifier, tokenizer, mode, gap, q, unit, task, rollouts, maxTokens } = of
  const { confirmRollouts, pairRollouts, traceRollouts, maxRollouts, stepEnds } = of
  return {
    verifier: verifier.id,
    ...{ mode, gap, q, unit, stepEnds, task, rollouts, confirmRollouts, pairRollouts },
    ...{ ...samplingRule(of), maxTokens },
    ...(traceRollouts !== undefined && { traceRollouts }),
    ...(maxRollouts !== undefined && { maxRollouts }),
    tokenizer: tokenizer.sha256,
    chatTemplate: tokenizer.chatTemplateSha256,
  }
}

/** Published: both ends of the trace and the way to one pivot in a trace of full length; in the other modes about as many tokens
 *  draw rollouts, two a request. Then one confirmation, eight a request, and one pair. More pivots cost more; where answers seen
 *  need not be drawn again, the shipped student takes less than an eighth of that. */
function expectedOf(of: SearchSettings) {
  const { mode, rollouts, confirmRollouts, pairRollouts, maxTokens, traceRollouts, maxRollouts } = of
  const nodes = 2 + Math.ceil(Math.log2(maxTokens))
  const searching = mode === 'published' ? nodes : Math.ceil((nodes * rollouts) / 2)
  const all = nodes * rollouts + 2 * confirmRollouts + pairRollouts
  const calls = mode !== 'published' && canForce(of) ? Math.ceil(all / 8) : all
  return {
    callsPerRow: Math.min(calls, traceRollouts ?? Infinity),
    ...(maxRollouts !== undefined && { mostCalls: maxRollouts }),
    asks: {
      requestsPerRow: Math.min(calls, searching + Math.ceil(confirmRollouts / 4) + 1),
      maxTokens,
      longestPrefix: maxTokens,
    },
  }
}

const check = (of: SearchSettings, row: TraceRow, run: Run): Promise<void> =>
  requireOneProcess(of.student, promptOf(of.tokenizer, row), {
    ...samplingRule(of),
    maxTokens: of.maxTokens,
    seed: seedFor(run.seed, 'findPivotalTokens', 'one process'),
    signal: run.signal,
  })

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
