/** Makes student.json: what the shipped student's success probability is at every position of traces of its own, by many
 *  rollouts. `npx tsx test/bench/pivotal-truth/make.ts`; two cores take some minutes. Development problems only: no
 *  figure of the README is measured on them. */
import { writeFileSync } from 'node:fs'
import { localModel } from '../../../src/model/local.ts'
import type { Model, Tokenizer } from '../../../src/model/model.ts'
import type { Estimate } from '../../../src/statistics/estimate.ts'
import { share } from '../../../src/statistics/estimate.ts'
import { seedFor } from '../../../src/statistics/random.ts'
import { locate } from '../../../src/store/bundled.ts'
import { readEvaluationProblems } from '../../../src/train/evaluate.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import { rule, type TrueTrace, type TrueNode } from './truth.ts'

const wanted = 24
/** Rollouts at every node, and at both ends of a token that may be pivotal at gap .2 (probability under .82). */
const rollouts = { gate: 64, every: 400, candidate: 3000 }

const model = await localModel(locate('datasets/models/student'))
const { tokenizer } = model
if (tokenizer === null) throw new Error('the student has a tokenizer')
const traces: TrueTrace[] = []
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
  traces.push(await truthOf(at, { problem, trace: trace.tokenIds }))
  process.stderr.write(`${traces.length} of ${wanted} traces\n`)
}
await model.close()
const made = { model: model.id, rule, rollouts, traces }
writeFileSync(new URL('student.json', import.meta.url), `${JSON.stringify(made)}\n`)

interface Question {
  readonly model: Model
  readonly tokenizer: Tokenizer
  readonly promptIds: readonly number[]
  readonly answer: string
  readonly id: string
}

async function truthOf(
  at: Question,
  { problem, trace }: { readonly problem: string; readonly trace: readonly number[] },
): Promise<TrueTrace> {
  const { id, answer, promptIds } = at
  const scores = await at.model.score([...promptIds, ...trace], { ...rule, from: promptIds.length })
  const logprobs = scores.map(({ logprob }) => logprob)
  const mayPivot = logprobs.map((logprob) => Math.exp(logprob) <= 0.82)
  const nodes: TrueNode[] = []
  for (let node = 0; node < trace.length; node++) {
    const near = mayPivot[node] === true || mayPivot[node - 1] === true
    const { successes: right, trials } = await successes(
      at,
      trace.slice(0, node),
      near ? rollouts.candidate : rollouts.every,
      'truth',
    )
    nodes.push([right, trials])
  }
  const text = at.tokenizer.decode(trace.slice(0, -1))
  const correct = numericAnswer.verify(text, answer).verdict === 'equal'
  return { id, problem, answer, text, trace: [...trace], logprobs, nodes, correct }
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
