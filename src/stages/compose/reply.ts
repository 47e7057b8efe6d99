import { z } from 'zod'

/** What a model's answer was read as, or why it could not be. */
type Reading<T> = { readonly value: T } | { readonly unread: string }

/** How a model's answer is read: strict about what it says, lenient about what stands around it. */
export interface Reply<T> {
  /** Part of the identity of a stage. */
  readonly id: string
  read(text: string): Reading<T>
}

/** Longer answers are not searched, characters. */
const longest = 1_000_000

/** JSON that fits the schema, wherever the answer has it: in a fence, alone, or amid prose; behind any thinking. Of several
 *  the last that fits counts, as models correct themselves downwards. Keys that the schema does not name are left out. */
export function jsonReply<T>(schema: z.ZodType<T>): Reply<T> {
  return {
    id: `json/1 ${JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any' }))}`,
    read: (text) => {
      if (text.length > longest) return { unread: `${text.length} characters are too many` }
      let problem: string | null = null
      for (const found of jsonIn(answerPart(text))) {
        const { data, error } = schema.safeParse(found)
        if (error === undefined) return { value: data }
        problem ??= issueText(error)
      }
      return { unread: problem ?? 'no JSON in the answer' }
    },
  }
}

const issueText = ({ issues }: z.ZodError): string => {
  const [issue] = issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `
  return `the JSON does not fit, ${where}${issue?.message ?? ''}`
}

/** Text between tags of the given names, each once: for code, which JSON would have to escape. */
export function taggedReply<Name extends string>(names: readonly Name[]): Reply<Record<Name, string>> {
  return {
    id: `tags/1 ${names.join(' ')}`,
    read: (text) => {
      const answer = answerPart(text)
      const found: Partial<Record<Name, string>> = {}
      for (const name of names) {
        const [start, end] = [answer.lastIndexOf(`<${name}>`), answer.lastIndexOf(`</${name}>`)]
        const inner = start < 0 || end < start ? '' : answer.slice(start + name.length + 2, end).trim()
        if (inner === '') return { unread: `no text between <${name}> and </${name}>` }
        found[name] = inner
      }
      return { value: found as Record<Name, string> }
    },
  }
}

/** The last fenced block, or a text without any fence as it is. */
export const codeReply: Reply<string> = {
  id: 'code/1',
  read: (text) => {
    const answer = answerPart(text)
    const fenced = fencesIn(answer).at(-1)
    if (fenced === undefined && answer.includes('```')) return { unread: 'a fence is not closed' }
    const code = (fenced ?? answer).replace(/^\n+|\s+$/g, '')
    return code === '' ? { unread: 'no code in the answer' } : { value: code }
  },
}

/** The whole answer behind any thinking. */
export const textReply: Reply<string> = {
  id: 'text/1',
  read: (text) => {
    const answer = answerPart(text).trim()
    return answer === '' ? { unread: 'an empty answer' } : { value: answer }
  },
}

/** What follows the thinking; a block that was never closed has nothing behind it. */
function answerPart(text: string): string {
  const end = text.lastIndexOf('</think>')
  if (end >= 0) return text.slice(end + '</think>'.length)
  return text.trimStart().startsWith('<think>') ? '' : text
}

/** Insides of the fenced blocks, line by line: an opening fence may name a language, a closing one is bare. */
function fencesIn(text: string): string[] {
  const found: string[] = []
  let open: string[] | null = null
  for (const line of text.split('\n')) {
    const fence = /^[ \t]{0,8}```([^`]*)$/.exec(line)
    if (fence === null) open?.push(line)
    else if (open === null) open = []
    else if (fence[1]?.trim() === '') {
      found.push(open.join('\n'))
      open = null
    } else open.push(line)
  }
  return found
}

/** Candidates, the likeliest first: the whole, then fences and outermost brackets from the end. */
function* jsonIn(text: string): Generator {
  for (const candidate of [text, ...fencesIn(text).reverse(), ...bracketsIn(text).reverse()]) {
    try {
      yield JSON.parse(candidate)
    } catch {
      // not JSON; the next
    }
  }
}

/** Openings that prose may leave open, before the search is given up. */
const mostRestarts = 20

/** Outermost balanced {...} and [...], brackets in JSON strings not counted. */
function bracketsIn(text: string): string[] {
  const found: string[] = []
  let from = 0
  for (let restart = 0; restart <= mostRestarts; restart++) {
    const { pieces, open } = balanced(text, from)
    found.push(...pieces)
    if (open === null) break
    from = open + 1
  }
  return found
}

function balanced(text: string, from: number): { pieces: string[]; open: number | null } {
  const pieces: string[] = []
  let [depth, start, inString] = [0, 0, false]
  for (let i = from; i < text.length; i++) {
    const sign = text[i]
    if (inString) {
      if (sign === '\\') i++
      else if (sign === '"') inString = false
    } else if (sign === '"' && depth > 0) inString = true
    else if (sign === '{' || sign === '[') {
      if (depth++ === 0) start = i
    } else if ((sign === '}' || sign === ']') && depth > 0 && --depth === 0)
      pieces.push(text.slice(start, i + 1))
  }
  return { pieces, open: depth > 0 ? start : null }
}
