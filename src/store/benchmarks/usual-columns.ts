import { type Item, valueAt } from './item-fields.ts'
import type { AnswerForm, Columns } from './schema.ts'

/** Keys that name an item, the more specific first. */
export const usualIds = [
  'id',
  'task_id',
  'question_id',
  'unique_id',
  'instance_id',
  'query_id',
  'uid',
  'prompt_id',
  'Record ID',
]

/** Question fields of the usual benchmarks, the more specific first. */
export const usualQuestions = [
  'problem',
  'question',
  'Question',
  'question_stem',
  'question_content',
  'problem_statement',
  'prompt',
  'query',
  'text',
  'sentence',
  'goal',
  'ctx',
  'sent1',
  'turns',
  'messages',
  'input',
  'description',
]

const usualChoices = [
  ['choices'],
  ['options'],
  ['endings'],
  ['ending0', 'ending1', 'ending2', 'ending3'],
  ['option1', 'option2'],
  ['sol1', 'sol2'],
  ['Correct Answer', 'Incorrect Answer 1', 'Incorrect Answer 2', 'Incorrect Answer 3'],
]
const usualAnswers = [
  'answer_index',
  'answerKey',
  'label',
  'gold',
  'answer',
  'Correct Answer',
  'target',
  'reference',
]
const usualContexts = ['passage', 'context', 'article', 'support']
const usualSolutions = [
  'solution',
  'canonical_solution',
  'code',
  'rationale',
  'Explanation',
  'explanation',
  'cot_content',
  'editorial',
  'patch',
  'other.solution',
]

/** Columns of an item of a file that nobody described: the first of the usual names that it has. */
export function usualColumns(item: Item): Columns {
  const has = (path: string): boolean => isFilled(valueAt(item, path))
  const question = usualQuestions.find(has)
  const choices = usualChoices.find((paths) => paths.every(has)) ?? []
  const answer = usualAnswers.find(has)
  const solution = usualSolutions.filter(has)
  const form = answer === undefined ? 'text' : formOf(valueAt(item, answer), choices)
  return {
    id: usualIds,
    question: question === undefined ? [] : [question],
    choices,
    answer: answer === undefined ? [] : [{ path: answer, is: form }],
    context: usualContexts.filter(has),
    solution:
      form === 'after-hashes' && answer !== undefined
        ? [...solution, { path: answer, before: '####' }]
        : solution,
  }
}

function isFilled(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return false
  return !Array.isArray(value) || value.length > 0
}

function formOf(value: unknown, choices: readonly string[]): AnswerForm {
  const told = Array.isArray(value) ? (value[0] as unknown) : value
  if (typeof told === 'string' && told.includes('####')) return 'after-hashes'
  if (choices.length === 0) return 'text'
  if (typeof told === 'number' || typeof told === 'bigint') return 'index-from-0'
  if (typeof told !== 'string') return 'text'
  if (/^[A-J]$/.test(told)) return 'label'
  // Digits as text: a label among labels, else WinoGrande counts from 1 and HellaSwag from 0.
  if (!/^\d$/.test(told)) return 'text'
  if (choices[0] === 'choices') return 'label'
  return choices[0] === 'option1' ? 'index-from-1' : 'index-from-0'
}
