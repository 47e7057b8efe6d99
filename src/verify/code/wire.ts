/** A value as tests write it and as programs answer it: JSON, and objects of one key for what JSON lacks. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** The form in which tests write `{"$set": [...]}` and its kin; other objects are dictionaries with text keys. */
const tags = new Set(['tuple', 'set', 'frozenset', 'dict', 'bytes', 'int', 'float', 'complex', 'undefined'])

/** A test's value in the form that the players read. */
export function toWire(value: Json): Json {
  if (isList(value)) return value.map(toWire)
  if (value === null || typeof value !== 'object') return value
  const tagged = tagOf(value)
  if (tagged === null) return { dict: Object.entries(value).map(([key, each]) => [key, toWire(each)]) }
  const [tag, content] = tagged
  if (tag === 'int' && typeof content === 'string') return { int: hex(BigInt(content)) }
  if (tag === 'dict' && isList(content)) return { dict: content.map(toWire) }
  return { [tag]: isList(content) ? content.map(toWire) : content }
}

/** What is wrong with a value as tests write it, or null. */
export function faultOf(value: Json, depth = 0): string | null {
  if (depth > 60) return 'a value is nested deeper than 60'
  if (isList(value)) return firstFault(value, depth)
  if (value === null || typeof value !== 'object') return null
  const tagged = tagOf(value)
  if (tagged === null) return firstFault(Object.values(value), depth)
  const [tag, content] = tagged
  if (tag === 'int')
    return typeof content === 'string' && /^-?\d{1,5000}$/.test(content) ? null : '$int wants digits as text'
  if (tag === 'float') {
    const number =
      typeof content === 'string' &&
      (/^-?inf$|^nan$/.test(content) || /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(content))
    return number ? null : '$float wants a number as text'
  }
  if (tag === 'bytes')
    return typeof content === 'string' && /^([0-9a-f]{2})*$/.test(content) ? null : '$bytes wants hex digits'
  if (tag === 'undefined') return content === true ? null : '$undefined wants true'
  if (!isList(content)) return `$${tag} wants a list`
  const pairs = content.every((pair) => isList(pair) && pair.length === 2)
  if (tag === 'dict' && !pairs) return '$dict wants pairs'
  return firstFault(content, depth)
}

/** The answer of a program is the value expected. Compared is data only: a list and a tuple match alike, whole numbers and
 *  fractions are one line of numbers, true is not 1, sets and dictionaries have no order. */
export function matches(expected: Json, found: Json, tolerance: number): boolean {
  return sameValue(toWire(expected), found, tolerance)
}

/** A wire value, short, for a reason. */
export function show(value: Json): string {
  const text = JSON.stringify(value, (_, each: Json) => (isSequence(each) !== null ? isSequence(each) : each))
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function sameValue(a: Json, b: Json, tolerance: number): boolean {
  const [x, y] = [numberOf(a), numberOf(b)]
  if (x !== null && y !== null) return sameNumber(x, y, tolerance)
  const [list, other] = [isSequence(a), isSequence(b)]
  if (list !== null && other !== null)
    return (
      list.length === other.length && list.every((each, i) => sameValue(each, other[i] as Json, tolerance))
    )
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const [[tag, content] = [], [otherTag, otherContent] = []] = [entryOf(a), entryOf(b)]
  if (tag === undefined || kindOf(tag) !== kindOf(otherTag ?? '')) return false
  if (!isList(content) || !isList(otherContent)) return content === otherContent
  return tag === 'complex'
    ? content.every((part, i) => sameValue(part, otherContent[i] as Json, tolerance))
    : sameUnordered(content, otherContent, tolerance)
}

/** Each of one found in the other, none twice. */
function sameUnordered(a: readonly Json[], b: readonly Json[], tolerance: number): boolean {
  if (a.length !== b.length) return false
  const exact = new Map<string, number[]>()
  b.forEach((each, i) => exact.set(JSON.stringify(each), [...(exact.get(JSON.stringify(each)) ?? []), i]))
  const free = new Set(b.keys())
  return a.every((each) => {
    const quick = exact.get(JSON.stringify(each))?.find((i) => free.has(i))
    const at = quick ?? [...free].find((i) => sameValue(each, b[i] as Json, tolerance))
    return at !== undefined && free.delete(at)
  })
}

function sameNumber(a: number | bigint, b: number | bigint, tolerance: number): boolean {
  // Loose on purpose: 2n == 2, exactly, however large.

  if (a == b || (Number.isNaN(a) && Number.isNaN(b))) return true
  if (tolerance === 0) return false
  const [x, y] = [Number(a), Number(b)]
  return Math.abs(x - y) <= tolerance * Math.max(1, Math.abs(x))
}

function numberOf(value: Json): number | bigint | null {
  if (typeof value === 'number') return value
  if (value === null || typeof value !== 'object' || isList(value)) return null
  if (typeof value.int === 'string') return fromHex(value.int)
  if (typeof value.float === 'string') return Number(value.float.replace('inf', 'Infinity'))
  return null
}

/** Lists and tuples. */
function isSequence(value: Json): readonly Json[] | null {
  if (isList(value)) return value
  return value !== null && typeof value === 'object' && isList(value.tuple) ? value.tuple : null
}

const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)
const kindOf = (tag: string): string => (tag === 'frozenset' ? 'set' : tag)
const entryOf = (value: object): [string, Json] | undefined =>
  Object.entries(value)[0] as [string, Json] | undefined

function tagOf(value: object): [string, Json] | null {
  const entries = Object.entries(value) as [string, Json][]
  const [key, content] = entries[0] ?? ['', null]
  return entries.length === 1 && key.startsWith('$') && tags.has(key.slice(1))
    ? [key.slice(1), content]
    : null
}

function firstFault(values: readonly Json[], depth: number): string | null {
  for (const value of values) {
    const fault = faultOf(value, depth + 1)
    if (fault !== null) return fault
  }
  return null
}

const hex = (value: bigint): string =>
  value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`
const fromHex = (text: string): bigint | null => {
  if (!/^-?0x[0-9a-f]+$/.test(text)) return null
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text)
}
