import type { Model, Prompt } from '../model/model.ts'
import { type Estimate, type Interval, wilson } from '../statistics/estimate.ts'
import { seedFor } from '../statistics/random.ts'
import { problems } from '../pipeline/source.ts'
import type { Verdict, Verifier } from '../verify/verifier.ts'
import { FulcrumError } from '../errors.ts'

export interface EvaluationProblem {
  readonly id: string
  readonly problem: string
  readonly answer: string
}

export interface EvaluateOptions {
  readonly model: Model
  readonly problems: readonly EvaluationProblem[]
  readonly verifier: Verifier
  /** 0 is greedy. */
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly maxTokens: number
  readonly seed: number
  readonly signal?: AbortSignal
  readonly onProblem?: (done: number, correct: number) => void
}

export interface Evaluation {
  readonly model: string
  readonly temperature: number
  /** One completion a problem. */
  readonly passed: Estimate
  /** 95 % Wilson interval of the pass rate. */
  readonly interval: Interval
  readonly unparsed: number
  readonly truncated: number
  /** By problem id, in the order given. */
  readonly results: readonly { readonly id: string; readonly correct: boolean; readonly verdict: Verdict }[]
}

/** pass@1 over problems, one completion each, so that trials are independent and the interval is honest. A truncated
 *  completion is a failure. Problem i draws from seedFor(seed, id): the same for every model compared. */
export async function evaluate(of: EvaluateOptions): Promise<Evaluation> {
  const { model, problems, verifier, seed, signal } = of
  const sampler = { temperature: of.temperature, topP: of.topP, topK: of.topK, maxTokens: of.maxTokens }
  let [done, truncated, unparsed, successes] = [0, 0, 0, 0]
  const one = async ({ id, problem, answer }: EvaluationProblem) => {
    const options = {
      n: 1,
      ...sampler,
      seed: seedFor(seed, 'evaluate', id),
      ...(signal !== undefined && { signal }),
    }
    const [completion] = await model.sample(promptOf(model, problem), options)
    const { verdict } = verifier.verify(completion?.text ?? '', answer)
    const cut = completion?.finishReason !== 'stop'
    if (cut) truncated++
    if (verdict === 'unparsed') unparsed++
    const correct = !cut && verdict === 'equal'
    if (correct) successes++
    of.onProblem?.(++done, successes)
    return { id, correct, verdict }
  }
  const results: Evaluation['results'][number][] = []
  for (let at = 0; at < problems.length; at += 64)
    results.push(...(await Promise.all(problems.slice(at, at + 64).map(one))))
  const passed = { successes, trials: problems.length }
  return {
    model: model.id,
    temperature: of.temperature,
    passed,
    interval: wilson(passed),
    unparsed,
    truncated,
    results,
  }
}

function promptOf(model: Model, problem: string): Prompt {
  const messages = [{ role: 'user' as const, content: problem }]
  const { tokenizer } = model
  if (tokenizer === null || !model.capabilities.tokenIdsIn) return { kind: 'chat', messages }
  return { kind: 'tokens', ids: tokenizer.encode(tokenizer.renderChat(messages)) }
}

/** Problems in every layout that a pipeline takes; a line that is none is an error. */
export async function readEvaluationProblems(path: string): Promise<EvaluationProblem[]> {
  const found: EvaluationProblem[] = []
  for await (const { row, reason } of problems(path).rows()) {
    if (reason === null) found.push(row)
    else {
      const { at } = row as { at: string }
      throw new FulcrumError('data', `${at}: ${reason}`, 'Every line needs a problem and its answer, once.')
    }
  }
  if (found.length === 0)
    throw new FulcrumError('data', `${path} has no problems`, 'Give a file with at least one.')
  return found
}
