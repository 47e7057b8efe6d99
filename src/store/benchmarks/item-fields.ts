import type { AnswerForm, Columns, TextField } from './schema.ts'

export type Item = Readonly<Record<string, unknown>>

/** An item's texts by what they are; numbers as they are written. */
export interface ItemFields {
  /** Each a text of its own: the turns of a chat, or one question. */
  readonly question: readonly string[]
  readonly choices: readonly string[]
  readonly answer: readonly string[]
  readonly context: readonly string[]
  readonly solution: readonly string[]
  /** The record has an answer, but it names no choice or has no `####`. */
  readonly isUnresolved: boolean
}

/** Reads an item by columns, in every shape that benchmarks on the Hub have. */
export function itemFields(item: Item, columns: Columns): ItemFields {
  const { choices, labels } = choicesOf(item, columns.choices)
  const found = columns.answer.map(({ path, is }) => answersIn(valueAt(item, path), is, choices, labels))
  const answer = [...new Set(found.flatMap((each) => each ?? []))]
  return {
    question: columns.question.flatMap((field) => fieldTexts(item, field)),
    choices,
    answer,
    context: columns.context.flatMap((field) => fieldTexts(item, field)),
    solution: columns.solution.flatMap((field) => fieldTexts(item, field)),
    isUnresolved: answer.length === 0 && found.includes(null),
  }
}

/** What stands at a key, else at a dotted path: keys of the Hub have dots and spaces of their own. */
export function valueAt(item: Item, path: string): unknown {
  if (Object.hasOwn(item, path)) return item[path]
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      item,
    )
}

function fieldTexts(item: Item, field: TextField): string[] {
  if (typeof field === 'string') return texts(valueAt(item, field))
  const { path, before = [] } = field
  const ends = typeof before === 'string' ? [before] : before
  return texts(valueAt(item, path)).map((text) => {
    const cuts = ends.map((end) => text.indexOf(end)).filter((cut) => cut > 0)
    return text.slice(0, Math.min(text.length, ...cuts)).trim()
  })
}

/** Texts in a value: itself, the members of a list, what the user says in a chat, the `text` or `content` of objects. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return value.trim() === '' ? [] : [value]
  if (typeof value === 'number' || typeof value === 'bigint') return [String(value)]
  if (Array.isArray(value)) {
    const asked = value.filter((each) => roleOf(each) === 'user')
    return (asked.length > 0 ? asked : (value as unknown[])).flatMap(texts)
  }
  if (typeof value !== 'object' || value === null) return []
  const { text, content } = value as Record<string, unknown>
  return texts(text ?? content)
}

const roleOf = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)['role'] : undefined

/** `(A) Paris`, `B. Lyon`, `C: Nice`. */
const marker = /^\s*(?:\(([A-Z])\)|([A-Z])[.):])\s*/

function choicesOf(item: Item, paths: readonly string[]): { choices: string[]; labels: string[] } {
  const choices: string[] = []
  const labels: string[] = []
  for (const path of paths) {
    const value = valueAt(item, path)
    choices.push(...texts(value))
    const given = Array.isArray(value)
      ? value.map((each) => (each as { label?: unknown } | null)?.label)
      : (value as { label?: unknown } | null | undefined)?.label
    if (Array.isArray(given)) labels.push(...given.filter((label) => typeof label === 'string'))
  }
  // Markers that count A, B, C are no part of the choices.
  const marks = choices.map((choice) => marker.exec(choice))
  const counts = marks.every((mark, i) => (mark?.[1] ?? mark?.[2]) === letter(i))
  return { choices: counts ? choices.map((choice) => choice.replace(marker, '')) : choices, labels }
}

/** 0 is A. */
export const letter = (i: number): string => String.fromCharCode(65 + i)

/** Texts of an answer; null where there is one that cannot be read, none where there is none. */
function answersIn(
  value: unknown,
  is: AnswerForm,
  choices: readonly string[],
  labels: readonly string[],
): string[] | null {
  if (value === null || value === undefined || value === '') return []
  if (is === 'text') return texts(value)
  const found = (Array.isArray(value) ? (value as unknown[]) : [value]).map((each) => {
    if (typeof each !== 'string' && typeof each !== 'number' && typeof each !== 'bigint') return undefined
    return oneAnswer(String(each).trim(), is, choices, labels)
  })
  return found.every((text) => text !== undefined) ? found : null
}

function oneAnswer(
  told: string,
  is: AnswerForm,
  choices: readonly string[],
  labels: readonly string[],
): string | undefined {
  if (is === 'after-hashes')
    return told.includes('####') ? told.slice(told.lastIndexOf('####') + 4).trim() : undefined
  if (choices.length === 0) return told
  if (is === 'label' && labels.includes(told)) return choices[labels.indexOf(told)]
  if (is === 'letter' || is === 'label') return choices[(/^[A-Z]$/.exec(told)?.[0].charCodeAt(0) ?? 0) - 65]
  if (!/^\d+$/.test(told)) return undefined
  return choices[Number(told) - (is === 'index-from-1' ? 1 : 0)]
}
