import { createHash } from 'node:crypto'
import { openTests } from './code-tests.ts'
import { col, type Column, type Row } from './columns.ts'
import { conversationWants, messagesColumn, promptMessages } from './messages.ts'
import type { Shape } from './shape.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer; of a programming problem its tests as JSON'),
}

const testCase = {
  // Fields of a struct may be null.
  fn_name: col.string('function to call; null for a program that reads stdin') as Column<string | null>,
  input: col.string('what it is given'),
  output: col.string('what it must give'),
  type: col.string('stdin_stdout or function_call'),
}
const verification = col.struct(
  {
    language: col.string('python or javascript'),
    test_cases: col.list(col.struct(testCase, 'one test'), 'all of them must pass'),
  },
  'tests of a programming problem, as open-r1 reads them; null for others',
)

const own = {
  pass_rate: col.nullable(col.double("the student's pass rate on the problem, where it was measured")),
  source: col.nullable(col.string('where the problem is from')),
  verification_info: col.nullable(verification),
}
const wants = { ...conversationWants, ...own }

const columns = {
  prompt: messagesColumn('the conversation up to the answer, ending in user'),
  problem: needs.problem,
  solution: col.string(
    'reference answer as LaTeX between dollar signs; of a programming problem as it stands',
  ),
  answer: needs.answer,
  question_id: needs.id,
  pass_rate: own.pass_rate,
  verification_info: own.verification_info,
  data_source: col.string('where the problem is from: verl chooses its reward function by it'),
  ability: col.string('kind of task, for verl'),
  reward_model: col.struct(
    { style: col.string('rule'), ground_truth: col.string('reference answer') },
    'what verl rewards by',
  ),
  extra_info: col.struct(
    {
      index: col.int64('number of the problem: 48 bits of the sha256 of its id, equal in every build'),
      split: col.string('train'),
    },
    'what verl hands on',
  ),
}

export interface GrpoShapeOptions {
  /** Kind of task; `code` leaves the solution as it stands. */
  readonly ability?: 'math' | 'code' | 'choice' | 'general'
  /** Where the problems are from, for rows that do not say; names the reward function in verl. */
  readonly dataSource?: string
}

/** Prompts with verifiable answers for TRL and open-r1 (prompt, solution) and verl (data_source and the rest). It has none
 *  of the names that TRL fills itself: prompts, completions, completion_ids, trainer_state, tools, image, images. */
export function grpo({ ability = 'math', dataSource = 'fulcrum' }: GrpoShapeOptions = {}): Shape<
  typeof needs,
  typeof columns
> {
  return {
    config: 'grpo',
    needs,
    wants,
    columns,
    rows: (row: Row<typeof needs> & Partial<Row<typeof wants>>) => [
      {
        prompt: promptMessages(row),
        problem: row.problem,
        solution: ability === 'code' ? row.answer : latex(row.answer),
        answer: row.answer,
        question_id: row.id,
        pass_rate: row.pass_rate ?? null,
        verification_info: row.verification_info ?? (ability === 'code' ? openTests(row.answer) : null),
        data_source: row.source ?? dataSource,
        ability,
        reward_model: { style: 'rule', ground_truth: row.answer },
        extra_info: { index: numberOf(row.id), split: 'train' },
      },
    ],
  }
}

const latex = (answer: string): string => (/^\$.+\$$/s.test(answer) ? answer : `$${answer}$`)

const numberOf = (id: string): bigint =>
  BigInt(`0x${createHash('sha256').update(id).digest('hex').slice(0, 12)}`)
