import { parseArgs } from 'node:util'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'

/** One `--flag`, read off a zod schema. */
export interface Flag {
  /** The key in the schema: `gateRollouts` is `--gate-rollouts`. */
  readonly key: string
  readonly name: string
  readonly kind: 'text' | 'number' | 'switch' | 'list'
  readonly meaning: string
  readonly required: boolean
  readonly preset: unknown
  readonly choices: readonly string[]
}

interface Described {
  type?: string | string[]
  description?: string
  default?: unknown
  enum?: unknown[]
  items?: { enum?: unknown[] }
}

/** The flags an options schema stands for; help, parser and docs all start here. */
export function flagsOf(schema: z.ZodObject): Flag[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties as Record<string, Described>).map(([key, described]) => ({
    key,
    name: flagName(key),
    kind: kindOf(described.type),
    meaning: described.description ?? '',
    required: required.includes(key),
    preset: described.default,
    choices: (described.enum ?? described.items?.enum ?? []).map(String),
  }))
}

function kindOf(type: Described['type']): Flag['kind'] {
  if (type === 'boolean') return 'switch'
  if (type === 'array') return 'list'
  return type === 'number' || type === 'integer' ? 'number' : 'text'
}

/** Arguments as the options of each schema, in their order, and the rest; every mistake is said at once. A positional
 *  in brackets may be missing; dots after the last one let it come several times. */
export function parseFlags(
  args: readonly string[],
  schemas: readonly z.ZodObject[],
  positionalNames: readonly string[],
): { options: Record<string, unknown>[]; positionals: string[] } {
  const { given, positionals, mistakes } = collect(
    args,
    schemas.flatMap(flagsOf),
    positionalNames.length === 0,
  )
  const unknown = mistakes.length > 0
  const options = schemas.map((schema) => {
    const keys = Object.keys(schema.shape)
    const own = Object.fromEntries(Object.entries(given).filter(([key]) => keys.includes(key)))
    const parsed = schema.safeParse(own)
    if (parsed.error !== undefined) mistakes.push(...refusals(parsed.error, own, mistakes))
    return parsed.data ?? {}
  })
  for (const name of positionalNames.slice(positionals.length))
    if (!name.startsWith('[')) mistakes.push(`${name} is missing`)
  const takesMore = positionalNames.at(-1)?.includes('...') === true
  // After an unknown option its value looks like one.
  if (!unknown && !takesMore)
    for (const extra of positionals.slice(positionalNames.length)) mistakes.push(`${extra} is one too many`)
  if (mistakes.length === 0) return { options, positionals }
  throw new FulcrumError('config', mistakes.join('\n       '), 'Mend the arguments.')
}

/** What a schema refuses, once an option, and not what was said before. */
function refusals(error: z.ZodError, own: Record<string, unknown>, said: readonly string[]): string[] {
  const found = new Map<string, string>()
  for (const { path, message } of error.issues) {
    const key = String(path[0] ?? '')
    const flag = path.length === 0 ? '' : `--${flagName(key)} `
    if (found.has(key) || (flag !== '' && said.some((mistake) => mistake.startsWith(flag)))) continue
    if (flag === '') found.set(key, message)
    else
      found.set(
        key,
        own[key] === undefined ? `${flag}is missing` : `${flag}${JSON.stringify(own[key])}: ${message}`,
      )
  }
  return [...found.values()]
}

const flagName = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function collect(
  args: readonly string[],
  flags: readonly Flag[],
  /** Words behind a list's value are its too: `--corpus a.jsonl b.jsonl`. Only where no word could be a positional. */
  listsGoOn: boolean,
): { given: Record<string, unknown>; positionals: string[]; mistakes: string[] } {
  const byName = new Map(flags.map((flag) => [flag.name, flag]))
  const given: Record<string, unknown> = {}
  const positionals: string[] = []
  const mistakes: string[] = []
  const options = Object.fromEntries(
    flags.map(({ name, kind }) => [
      name,
      { type: kind === 'switch' ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  let list: string | null = null
  const add = (key: string, value: string): void => {
    given[key] = [...((given[key] ?? []) as string[]), value]
  }
  for (const token of tokens) {
    if (token.kind === 'positional' && list !== null) add(list, token.value)
    else if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    list = null
    const { name, value } = token
    const negated = name.startsWith('no-') ? byName.get(name.slice(3)) : undefined
    const flag = byName.get(name)
    if (flag === undefined && negated?.kind === 'switch') given[negated.key] = false
    else if (flag === undefined) mistakes.push(unknownOption(token.rawName, [...byName.keys()]))
    else if (flag.kind === 'switch') {
      if (value === undefined) given[flag.key] = true
      else mistakes.push(`--${name} takes no value: ${value}`)
    } else if (value === undefined || (!token.inlineValue && value.startsWith('--')))
      mistakes.push(`--${name} wants a value`)
    else if (flag.kind === 'list') {
      add(flag.key, value)
      if (listsGoOn) list = flag.key
    } else given[flag.key] = flag.kind === 'number' ? numberFrom(value) : value
  }
  return { given, positionals, mistakes }
}

/** Text that is no number stays text, so that the schema refuses it with the value. */
const numberFrom = (text: string): number | string =>
  text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)

function unknownOption(rawName: string, names: readonly string[]): string {
  const near = nearest(rawName.replace(/^-+/, ''), names)
  return `There is no option ${rawName}${near === null ? '' : `; did you mean --${near}?`}`
}

/** The name that a mistyped word most likely meant, or null. */
export function nearest(word: string, names: readonly string[]): string | null {
  const ranked = names
    .map((name) => ({ name, distance: editDistance(word, name) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.ceil(word.length / 2.5) ? best.name : null
}

/** Insertions, deletions and replacements from one word to another (Levenshtein 1966). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] as number) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] as number) + 1, (next[j] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
