import { FulcrumError } from '../errors.ts'

/** Which string fields are read: all, or those at and below some paths, as `text` or `messages[].content`. */
export type FieldSelection = 'all' | readonly string[]

/** One step into a record: a key of an object, or null for the items of an array. */
export type Step = string | null

/** Reads paths as `messages[].content` or `["a key.with dots"][]`. */
export function parseSelection(selection: FieldSelection): readonly (readonly Step[])[] | 'all' {
  if (selection === 'all') return 'all'
  if (selection.length === 0) throw refuse('', 'an empty list selects nothing')
  return selection.map(parsePath)
}

/** Whether the strings at a place are wanted. */
export function isWanted(selection: ReturnType<typeof parseSelection>, steps: readonly Step[]): boolean {
  if (selection === 'all') return true
  return selection.some((path) => path.length <= steps.length && path.every((step, i) => step === steps[i]))
}

/** A path with one more step; `index` is the item's place in its array, or '' for any. */
export function stepPath(parent: string, step: Step, index: number | '' = ''): string {
  if (step === null) return `${parent}[${index}]`
  if (!plainKey.test(step)) return `${parent}[${JSON.stringify(step)}]`
  return parent === '' ? step : `${parent}.${step}`
}

const plainKey = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u
const pathStep = /\[\]|\[("(?:[^"\\]|\\.)*")\]|\.?([^.[\]"]+)/uy

function parsePath(path: string): readonly Step[] {
  const steps: Step[] = []
  pathStep.lastIndex = 0
  while (pathStep.lastIndex < path.length) {
    const at = pathStep.lastIndex
    const found = pathStep.exec(path)
    if (found === null) throw refuse(path, `cannot be read from character ${at + 1} on`)
    const [, quoted, plain] = found
    steps.push(quoted !== undefined ? unquote(path, quoted) : (plain ?? null))
  }
  if (steps.length === 0 || steps[0] === null) throw refuse(path, 'does not begin with a key')
  return steps
}

function unquote(path: string, quoted: string): string {
  try {
    return JSON.parse(quoted) as string
  } catch {
    throw refuse(path, `holds ${quoted}, which is no JSON string`)
  }
}

function refuse(path: string, why: string): FulcrumError {
  return new FulcrumError(
    'config',
    `The field "${path}" ${why}`,
    'Name a column as text, or a place in it as messages[].content; without --field every text is read.',
  )
}
