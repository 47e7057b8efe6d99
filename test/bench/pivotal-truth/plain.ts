import type { Model, Tokenizer } from '../../../src/model/model.ts'
import { type Estimate, share } from '../../../src/statistics/estimate.ts'
import { seedFor } from '../../../src/statistics/random.ts'
import { locate } from '../../../src/store/bundled.ts'
import { readEvaluationProblems } from '../../../src/train/evaluate.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import { isOpen, type PlainTrace, rule, type TrueNode } from './truth.ts'

const wanted = 24
/** Rollouts that gate a problem, at every node, and at both ends of an open token. */
export const rollouts = { gate: 64, every: 400, candidate: 3000 }

interface Question {
  readonly model: Model
  readonly tokenizer: Tokenizer
  readonly promptIds: readonly number[]
  readonly answer: string
  readonly id: string
}

/** Traces of the student on the first development problems of pass rate .2 to .8, with plain rollouts at every node. */
export async function plainTraces(model: Model): Promise<readonly PlainTrace[]> {
  const { tokenizer } = model
  if (tokenizer === null) throw new Error('the student has a tokenizer')
  const traces: PlainTrace[] = []
  for (const { id, problem, answer } of await readEvaluationProblems(
    locate('datasets/arithmetic/development.jsonl'),
  )) {
    if (traces.length === wanted) break
    const promptIds = tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem }]))
    const at = { model, tokenizer, promptIds, answer, id }
    const rate = share(await successes(at, [], rollouts.gate, 'gate'))
    if (rate < 0.2 || rate > 0.8) continue
    const [trace] = await model.sample(
      { kind: 'tokens', ids: promptIds },
      { ...rule, n: 1, seed: seedFor('pivotal-truth', id, 'trace') },
    )
    if (trace?.finishReason !== 'stop' || trace.tokenIds === null) continue
    traces.push(await measured(at, problem, trace.tokenIds))
    process.stderr.write(`${traces.length} of ${wanted} traces\n`)
  }
  return traces
}

async function measured(at: Question, problem: string, ids: readonly number[]): Promise<PlainTrace> {
  const { id, answer, promptIds, tokenizer } = at
  const scores = await at.model.score([...promptIds, ...ids], { ...rule, from: promptIds.length })
  const logprobs = scores.map(({ logprob }) => logprob)
  const text = tokenizer.decode(ids.slice(0, -1))
  const correct = numericAnswer.verify(text, answer).verdict === 'equal'
  const trace = { id, problem, answer, text, trace: [...ids], logprobs, nodes: [], correct }
  const nodes: TrueNode[] = []
  for (const node of ids.keys()) {
    const near = isOpen(trace, node) || (node > 0 && isOpen(trace, node - 1))
    const n = near ? rollouts.candidate : rollouts.every
    const { successes: right, trials } = await successes(at, ids.slice(0, node), n, 'truth')
    nodes.push([right, trials])
  }
  return { ...trace, nodes }
}

async function successes(
  { model, tokenizer, promptIds, answer, id }: Question,
  prefix: readonly number[],
  n: number,
  purpose: string,
): Promise<Estimate> {
  let right = 0
  for (let done = 0; done < n; done += 200) {
    const completions = await model.sample(
      { kind: 'tokens', ids: [...promptIds, ...prefix] },
      {
        ...rule,
        n: Math.min(200, n - done),
        maxTokens: rule.maxTokens - prefix.length,
        seed: seedFor('pivotal-truth', id, purpose, prefix.length, done),
      },
    )
    for (const { finishReason, text } of completions) {
      const whole = tokenizer.decode(prefix) + text
      if (finishReason === 'stop' && numericAnswer.verify(whole, answer).verdict === 'equal') right++
    }
  }
  return { successes: right, trials: n }
}
