import type { Completion, Model, Prompt } from '../model/model.ts'
import { clusteredInterval } from '../statistics/clustered.ts'
import { type Estimate, type Interval, share } from '../statistics/estimate.ts'
import { seedFor } from '../statistics/random.ts'
import { problems } from '../pipeline/source.ts'
import { readRecords } from '../store/records.ts'
import type { Verdict, Verifier } from '../verify/verifier.ts'
import { FulcrumError } from '../errors.ts'

export interface EvaluationProblem {
  readonly id: string
  readonly problem: string
  readonly answer: string
  /** Columns that go along to the results: what problems are grouped by, and what decontamination found. */
  readonly carried?: Readonly<Record<string, string>>
}

export interface EvaluateOptions {
  readonly model: Model
  readonly problems: readonly EvaluationProblem[]
  readonly verifier: Verifier
  /** Completions a problem; 1 unless given. */
  readonly samples?: number
  /** 0 is greedy. */
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly minP?: number | undefined
  readonly maxTokens: number
  readonly seed: number
  readonly signal?: AbortSignal
  readonly onProblem?: (done: number, correct: number) => void
}

/** What became of one problem. */
export interface ProblemResult {
  readonly id: string
  /** The first completion passed. */
  readonly correct: boolean
  readonly verdict: Verdict
  /** Of its completions. */
  readonly passed: Estimate
  readonly completions: readonly {
    readonly text: string
    readonly tokens: number
    readonly verdict: Verdict
    readonly finish_reason: Completion['finishReason']
  }[]
  readonly carried: Readonly<Record<string, string>>
}

export interface Evaluation {
  readonly model: string
  readonly temperature: number
  /** All completions of all problems. */
  readonly passed: Estimate
  /** 95 % interval of the pass rate: Wilson's with one completion a problem, else clustered by problem. */
  readonly interval: Interval
  readonly unparsed: number
  readonly truncated: number
  /** By problem id, in the order given. */
  readonly results: readonly ProblemResult[]
}

/** Samples and verifies completions of problems. A truncated completion is a failure. Completion i of a problem draws
 *  from rngFor(seedFor(seed, id), i): the same for every model compared. */
export async function evaluate(of: EvaluateOptions): Promise<Evaluation> {
  const { model, problems } = of
  let [done, correct] = [0, 0]
  const one = async (problem: EvaluationProblem): Promise<ProblemResult> => {
    const result = await resultOf(problem, of)
    if (result.correct) correct++
    of.onProblem?.(++done, correct)
    return result
  }
  const results: ProblemResult[] = []
  for (let at = 0; at < problems.length; at += 64)
    results.push(...(await Promise.all(problems.slice(at, at + 64).map(one))))
  const passed = results.reduce(
    (sum, { passed: { successes, trials } }) => ({
      successes: sum.successes + successes,
      trials: sum.trials + trials,
    }),
    { successes: 0, trials: 0 },
  )
  const all = results.flatMap(({ completions }) => completions)
  return {
    model: model.id,
    temperature: of.temperature,
    passed,
    interval: clusteredInterval(
      results.map((result) => share(result.passed)),
      passed.trials,
    ),
    unparsed: all.filter(({ verdict }) => verdict === 'unparsed').length,
    truncated: all.filter(({ finish_reason }) => finish_reason !== 'stop').length,
    results,
  }
}

async function resultOf(
  { id, problem, answer, carried = {} }: EvaluationProblem,
  {
    model,
    verifier,
    samples = 1,
    temperature,
    topP,
    topK,
    minP = 0,
    maxTokens,
    seed,
    signal,
  }: EvaluateOptions,
): Promise<ProblemResult> {
  const options = {
    ...{ n: samples, temperature, topP, topK, maxTokens },
    ...(minP > 0 && { minP }),
    seed: seedFor(seed, 'evaluate', id),
    ...(signal !== undefined && { signal }),
  }
  const drawn = await model.sample(promptOf(model, problem), options)
  const completions = await Promise.all(
    drawn.map(async ({ text, finishReason, completionTokens }) => ({
      text,
      tokens: completionTokens,
      verdict: (await verifier.verify(text, answer, problem)).verdict,
      finish_reason: finishReason,
    })),
  )
  const passes = completions.map((one) => one.finish_reason === 'stop' && one.verdict === 'equal')
  return {
    id,
    correct: passes[0] ?? false,
    verdict: completions[0]?.verdict ?? 'unparsed',
    passed: { successes: passes.filter((pass) => pass).length, trials: samples },
    completions,
    carried,
  }
}

function promptOf(model: Model, problem: string): Prompt {
  const messages = [{ role: 'user' as const, content: problem }]
  const { tokenizer } = model
  if (tokenizer === null || !model.capabilities.tokenIdsIn) return { kind: 'chat', messages }
  return { kind: 'tokens', ids: tokenizer.encode(tokenizer.renderChat(messages)) }
}

/** Problems in every layout that a pipeline takes, with the named columns and those of decontamination; a line that is
 *  no problem is an error, and so is a named column that a line lacks. */
export async function readEvaluationProblems(
  path: string,
  by: readonly string[] = [],
): Promise<EvaluationProblem[]> {
  const found: EvaluationProblem[] = []
  const values = readRecords(path)
  // One source row a record, in order: what the source leaves out is taken from the record.
  for await (const { row, reason } of problems(path).rows()) {
    const { value } = (await values.next()) as { value: { value: Readonly<Record<string, unknown>> | null } }
    if (reason !== null) {
      const { at } = row as { at: string }
      throw new FulcrumError('data', `${at}: ${reason}`, 'Every line needs a problem and its answer, once.')
    }
    found.push({ ...row, carried: carriedBy(value.value ?? {}, by, path) })
  }
  if (found.length === 0)
    throw new FulcrumError('data', `${path} has no problems`, 'Give a file with at least one.')
  return found
}

function carriedBy(
  record: Readonly<Record<string, unknown>>,
  by: readonly string[],
  path: string,
): Record<string, string> {
  const missing = by.find((name) => record[name] === undefined || record[name] === null)
  if (missing !== undefined) {
    const names = Object.keys(record).filter((name) => !['id', 'problem', 'answer'].includes(name))
    throw new FulcrumError(
      'data',
      `${path}: a problem has no ${missing}`,
      `Group by a column that all have: ${names.join(', ') || 'there is none'}.`,
    )
  }
  const wanted = Object.entries(record).filter(
    ([name, value]) => (by.includes(name) || /^(decon_|contaminated$)/.test(name)) && value !== null,
  )
  return Object.fromEntries(
    wanted.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}
