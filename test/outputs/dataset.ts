import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tokenizer } from '../../src/model/model.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import { records } from '../../src/pipeline/source.ts'
import { col } from '../../src/record/columns.ts'
import { dpoBranch } from '../../src/record/dpo-branch.ts'
import { dpoFull } from '../../src/record/dpo-full.ts'
import { grpo } from '../../src/record/grpo.ts'
import { kto } from '../../src/record/kto.ts'
import { promptTextColumns, promptTexts } from '../../src/record/prompt-text.ts'
import { rlvrTulu } from '../../src/record/rlvr-tulu.ts'
import { sft } from '../../src/record/sft.ts'
import { sftText } from '../../src/record/sft-text.ts'
import type { Shape } from '../../src/record/shape.ts'
import { locate } from '../../src/store/bundled.ts'

const text = col.string('text')
const maybe = col.nullable(text)
const number = col.nullable(col.double('number'))
const count = col.nullable(col.int32('count'))
const ids = col.nullable(col.list(col.int32('id'), 'ids'))

/** Everything that the shapes want of a row. */
const columns = {
  ...{ id: text, problem: text, answer: text, trace_id: text, prompt: text, completion: text, verdict: text },
  ...{ teacher_model: text, verifier_id: text, decon_status: text, added_bos: maybe, end_token: maybe },
  ...{ prompt_ids: ids, completion_ids: ids, teacher_tokenizer_sha256: maybe, teacher_template_sha256: maybe },
  ...{ chosen_completion: text, rejected_completion: text, chosen_branch: maybe, rejected_branch: maybe },
  ...{ trace_tokens: col.list(text, 'tokens'), position: col.int32('position'), model_id: text, pass_rate: number },
  ...{ prob_chosen: number, prob_chosen_low: number, prob_chosen_high: number, n_chosen: count },
  ...{ prob_rejected: number, prob_rejected_low: number, prob_rejected_high: number, n_rejected: count },
} // prettier-ignore

const branchNeeds = { prompt: text, chosen_branch: maybe, rejected_branch: maybe }
const branchColumns = { ...promptTextColumns, chosen: text, rejected: text }
/** Texts of the branches behind the prompt alone, in the columns that trainers read. */
const branchTexts: Shape<typeof branchNeeds, typeof branchColumns> = {
  config: 'dpo_branch_text',
  needs: branchNeeds,
  columns: branchColumns,
  rows: ({ prompt, chosen_branch: chosen, rejected_branch: rejected }) => [
    { ...promptTexts(prompt, null), chosen: chosen ?? '', rejected: rejected ?? '' },
  ],
}

/** Builds a dataset with every config that trainers read, of the embedded domain, with the student's exact ids. */
export async function buildEveryConfig(folder: string): Promise<{ out: string; tokenizer: Tokenizer }> {
  const tokenizer = await loadTokenizer(locate('datasets/models/student'))
  const problems = readFileSync(locate('datasets/arithmetic/problems.jsonl'), 'utf8').trim().split('\n')
  const rows = problems.slice(0, 8).map((line, i) => {
    const { problem, answer } = JSON.parse(line) as { problem: string; answer: string | number }
    return rowOf(tokenizer, { id: `p${i}`, problem, answer: String(answer) }, i % 2 === 0)
  })
  const input = join(folder, 'rows.jsonl')
  writeFileSync(input, rows.map((row) => JSON.stringify(row)).join('\n'))
  const checkedBy = { template: tokenizer }
  const pipeline = Pipeline.from(records(input, columns))
    .into(sftText)
    .into(sft(checkedBy))
    .into(dpoFull(checkedBy))
    .into(dpoBranch(checkedBy))
    .into(branchTexts)
    .into(grpo())
    .into(kto)
    .into(rlvrTulu())
  const plan = await planPipeline(pipeline, { name: 'every-config', seed: 0, shardRows: 5, licence: 'mit' })
  const out = join(folder, 'built')
  await runPipeline(pipeline, plan, { out })
  return { out, tokenizer }
}

function rowOf(
  tokenizer: Tokenizer,
  { id, problem, answer }: { id: string; problem: string; answer: string },
  right: boolean,
): object {
  const end = tokenizer.eos.text
  const prompt = tokenizer.renderChat([{ role: 'user', content: problem }])
  const [good, bad] = [`Mia has ${answer} toys.`, 'Mia has 0 toys.']
  const completion = right ? good : bad
  return {
    ...{ id, problem, answer, trace_id: `${id}-0`, prompt, completion, verdict: right ? 'equal' : 'different' },
    ...{ teacher_model: 'teacher', verifier_id: 'numeric/1', decon_status: 'clean', added_bos: null, end_token: end },
    ...{ prompt_ids: tokenizer.encode(prompt), completion_ids: tokenizer.encode(completion + end) },
    teacher_tokenizer_sha256: tokenizer.sha256,
    teacher_template_sha256: tokenizer.chatTemplateSha256,
    ...{ chosen_completion: good, rejected_completion: bad, chosen_branch: good + end, rejected_branch: bad + end },
    ...{ trace_tokens: Array.from(completion), position: 0, model_id: 'student', pass_rate: 0.5 },
    ...{ prob_chosen: 0.9, prob_chosen_low: 0.8, prob_chosen_high: 0.95, n_chosen: 64 },
    ...{ prob_rejected: 0.1, prob_rejected_low: 0.05, prob_rejected_high: 0.2, n_rejected: 64 },
  } // prettier-ignore
}
