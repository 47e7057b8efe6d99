import { col, type Row } from '../../src/record/columns.ts'
import { rngFor } from '../../src/statistics/random.ts'

const ids = (meaning: string) => col.list(col.int32('token id'), meaning)

/** The kinds of columns that sft_text and dpo_pivotal have: text, token ids, structs, measured numbers, nulls. */
export const columns = {
  question_id: col.string('problem id'),
  prompt: col.string('rendered prompt'),
  completion: col.string('worked answer'),
  prompt_ids: ids('exact ids of the prompt'),
  completion_ids: col.nullable(ids('exact ids of the completion')),
  messages: col.list(col.struct({ role: col.string('who'), content: col.string('what') }, 'turn'), 'chat'),
  metadata: col.struct({ original_query: col.string('problem'), prob_delta: col.double('change') }, 'as PTS'),
  prob_chosen: col.double('success probability'),
  prob_before: col.nullable(col.double('success probability')),
  n_chosen: col.int32('rollouts'),
  confirmed: col.bool('measured again'),
}

/** Flat columns, the only ones that parquetjs-lite writes in a way others read. */
export const flat = {
  question_id: columns.question_id,
  prompt: columns.prompt,
  completion: columns.completion,
  prob_chosen: columns.prob_chosen,
  n_chosen: columns.n_chosen,
}

export type BenchRow = Row<typeof columns>

const names = ['Ada', 'Ben', 'Chloé', 'Dmitri', 'Emre', 'Fatima', 'Goro', 'Hana']
const things = ['marbles', 'apples', 'coins', 'cards', 'stamps', 'books', 'shells', 'pens']

/** Row i: a word problem of the embedded domain's size (150 characters, 60 + 40 ids), no two alike. */
export function benchRow(i: number): BenchRow {
  const draw = rngFor('parquet bench', i)
  const [a, b, c] = [draw.below(900), draw.below(90), draw.below(900)]
  const [name, thing] = [names[draw.below(8)] as string, things[draw.below(8)] as string]
  const problem = `${name} has ${a} ${thing}, buys ${b} boxes with ${c} ${thing} each and gives ${draw.below(50)} away. How many ${thing} are left?`
  const completion = `${b} * ${c} = ${b * c}\n${a} + ${b * c} = ${a + b * c}\n#### ${a + b * c}<|end|>`
  const tokens = (count: number): number[] => Array.from({ length: count }, () => draw.below(32000))
  const [before, after] = [draw.next(), draw.next()]
  return {
    question_id: `arithmetic-${i}`,
    prompt: `<|user|>\n${problem}\n<|assistant|>\n`,
    completion,
    prompt_ids: tokens(60),
    completion_ids: i % 4 === 0 ? null : tokens(40),
    messages: [
      { role: 'user', content: problem },
      { role: 'assistant', content: completion },
    ],
    metadata: { original_query: problem, prob_delta: after - before },
    prob_chosen: after,
    prob_before: i % 5 === 0 ? null : before,
    n_chosen: 64,
    confirmed: after > before,
  }
}
