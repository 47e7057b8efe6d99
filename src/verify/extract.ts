/** Longest completion looked at, longest answer taken and longest run read for one, characters; most sentences looked at
 *  from the end. A hostile text costs no more than this. */
const longest = { completion: 1_000_000, answer: 500, line: 1000, sentences: 50 }

/** What a completion states as its answer. */
export type Stated =
  { readonly answer: string; readonly reason: null } | { readonly answer: null; readonly reason: string }

/** The final answer of a completion: what its last explicit marker holds. Markers are `\boxed{x}`, `#### x` and "the
 *  answer is x" (or "answer: x"). Thinking does not count: the text after the last `</think>` does. A later marker
 *  overrules an earlier one, except that a sentence `usable` refuses is passed over: prose says "the answer is" of much.
 *  A sentence ends at a comma; with `wholeSentences` it does so only where all of it is not usable: "1, 2 and 3". */
export function statedAnswer(
  completion: string,
  usable: (answer: string) => boolean = () => true,
  { wholeSentences = false } = {},
): Stated {
  const none = (reason: string): Stated => ({ answer: null, reason })
  if (completion.length > longest.completion) return none('the completion is too long')
  const thought = completion.lastIndexOf('</think>')
  if (completion.indexOf('<think>', Math.max(thought, 0)) >= 0) return none('the thinking never ends')
  const text = thought < 0 ? completion : completion.slice(thought + '</think>'.length)

  const marks = [...boxed(text), ...hashed(text), ...sentences(text, wholeSentences)].sort(
    (a, b) => b.at - a.at,
  )
  const last = marks[0]
  if (last === undefined) return none('no answer is marked')
  const chosen = marks.find(({ answer, sure }) => sure || (answer !== null && usable(answer))) ?? last
  if (chosen.answer === null) return none('the answer is cut off')
  if (chosen.answer.length > longest.answer) return none('the answer is too long')
  return { answer: chosen.answer, reason: null }
}

interface Mark {
  readonly at: number
  /** Null: the marker is there and what it should hold is not. */
  readonly answer: string | null
  /** Made for stating an answer; nothing before it is asked. */
  readonly sure: boolean
}

/** The last `\boxed{...}`, braces nested. `\boxed 5` is read too. */
function boxed(text: string): Mark[] {
  const at = Math.max(text.lastIndexOf('\\boxed'), text.lastIndexOf('\\fbox'))
  if (at < 0) return []
  const rest = text.slice(at).replace(/^\\f?box(ed)?\s*/, '')
  if (!rest.startsWith('{')) return [{ at, answer: filled(/^[^\s$]*/.exec(rest)?.[0] ?? ''), sure: true }]
  let depth = 0
  for (let i = 0; i < rest.length; i++) {
    if (rest[i] === '\\') i++
    else if (rest[i] === '{') depth++
    else if (rest[i] === '}' && --depth === 0) return [{ at, answer: filled(rest.slice(1, i)), sure: true }]
  }
  return [{ at, answer: null, sure: true }]
}

/** The last `#### x` of GSM8K, to the end of its line. */
function hashed(text: string): Mark[] {
  const at = text.lastIndexOf('####')
  if (at < 0) return []
  return [{ at, answer: filled(firstLine(text.slice(at + 4))), sure: true }]
}

const saying = /\banswer(?:\s{1,9}(?:is|equals)\b|(?:\s|\*){0,9}[:=])(?:\s|\*|:|=){0,9}/gi

/** Every "the answer is x" and "answer: x", to the end of the sentence. A point inside a number ends none. Of whole
 *  sentences the part up to the first comma outside brackets comes behind. */
function sentences(text: string, whole: boolean): Mark[] {
  const said = [...text.matchAll(saying)].slice(-longest.sentences)
  return said.flatMap(({ index, 0: { length } }) => {
    const line = firstLine(text.slice(index + length))
    const upTo = (end: number): Mark => {
      const sentence = line.slice(0, end).replaceAll('**', '')
      return { at: index, answer: filled(sentence), sure: false }
    }
    const comma = endOf(line, /[.!?,;]/)
    if (!whole) return [upTo(comma)]
    return [upTo(endOf(line, /[.!?]/)), upTo(commaOutside(line) ?? comma)]
  })
}

/** Where a sign stands that white space or nothing follows and that is no LaTeX space (`\!`); the length of the line if
 *  nowhere. */
function endOf(line: string, sign: RegExp): number {
  const at = line.search(new RegExp(`(?<!\\\\)${sign.source}(?=\\s|\\*|$)`))
  return at < 0 ? line.length : at
}

/** Where the first comma, semicolon or end of a sentence outside brackets stands. */
function commaOutside(line: string): number | null {
  let depth = 0
  for (let at = 0; at < line.length; at++) {
    if ('([{'.includes(line[at] as string)) depth++
    if (')]}'.includes(line[at] as string)) depth--
    const escaped = line[at - 1] === '\\'
    if (depth <= 0 && !escaped && /^[.!?,;](?=\s|\*|$)/.test(line.slice(at, at + 2))) return at
  }
  return null
}

/** The first line that has anything, as far as an answer could reach. */
function firstLine(text: string): string {
  return text.slice(0, longest.line).trimStart().split('\n', 1)[0] ?? ''
}

const filled = (text: string): string | null => {
  const trimmed = text.trim()
  return trimmed === '' ? null : trimmed
}
