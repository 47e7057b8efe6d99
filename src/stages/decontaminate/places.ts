/** What part of a training record a text is: what is asked, the reasoning before the answer, the answer. */
export type Place = 'prompt' | 'trace' | 'answer' | 'text'

/** A part of a field with a place of its own. */
export interface PlacedText {
  readonly place: Place
  readonly text: string
  /** UTF-8 bytes of the field before it. */
  readonly byteStart: number
}

const prompts = new Set('problem prompt question query instruction input task user human system'.split(' '))
const answers = new Set(
  'completion response answer output solution target chosen rejected assistant gpt'.split(' '),
)
const traces = new Set('reasoning reasoning_content thinking thought trace rationale cot'.split(' '))

/** The parts of a field: a reasoning trace between <think> and </think> is one of its own. A template may have given
 *  the opening tag, and a cut-off completion may lack the closing one. */
export function placedTexts(record: unknown, path: string, text: string): PlacedText[] {
  const place = placeOf(record, path)
  if (place === 'prompt' || place === 'trace' || !/<\/?think>/i.test(text))
    return [{ place, text, byteStart: 0 }]
  const parts: PlacedText[] = []
  const tags = [...text.matchAll(/<(\/?)think>/gi)]
  let inside = tags[0]?.[1] === '/'
  let [from, bytes] = [0, 0]
  const take = (to: number): void => {
    const part = text.slice(from, to)
    if (part.trim() !== '') parts.push({ place: inside ? 'trace' : place, text: part, byteStart: bytes })
    bytes += Buffer.byteLength(part)
  }
  for (const tag of tags) {
    take(tag.index)
    inside = tag[1] === ''
    from = tag.index + tag[0].length
    bytes += tag[0].length
  }
  take(text.length)
  return parts
}

/** The place a field's name says, or the role of the message it belongs to. */
function placeOf(record: unknown, path: string): Place {
  const keys = keysOf(path)
  const owner = at(record, keys.slice(0, -1)) as { role?: unknown; from?: unknown } | undefined
  const role = owner?.role ?? owner?.from
  for (const name of [typeof role === 'string' ? role : '', ...keys.reverse()]) {
    const known = name.toLowerCase()
    if (prompts.has(known)) return 'prompt'
    if (traces.has(known)) return 'trace'
    if (answers.has(known)) return 'answer'
  }
  return 'text'
}

/** `messages[2].content` as messages, 2, content; keys that are no names stand as `["a key"]`. */
export const keysOf = (path: string): string[] =>
  [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/gsu)].map(([, quoted, index, name]) =>
    quoted === undefined ? ((index ?? name) as string) : (JSON.parse(`"${quoted}"`) as string),
  )

/** The value at a path of a record; undefined where there is none. */
export const valueAt = (record: unknown, path: string): unknown => at(record, keysOf(path))

function at(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (found, key) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, key)
        ? (found as Record<string, unknown>)[key]
        : undefined,
    value,
  )
}
