import { statedAnswer } from './extract.ts'
import type { TextVerifier, Verification } from './verifier.ts'

/** Which option of a multiple-choice problem a completion picks, A to J. The last explicit marker counts, then a lone letter at
 *  the very end, then the text of one option: of those in `problem`, as `A. x`, `(A) x`, `A) x` or `A: x`. What could
 *  mean two options is unparsed. The reference is a letter or the text of an option. */
export const choiceAnswer: TextVerifier = {
  id: 'choice/1',
  verify: (completion, answer, problem = '') => {
    const options = optionsOf(problem)
    const wanted = referenceLetter(answer, options)
    if (wanted === null) return unparsed(null, 'the reference answer is no option')
    const { answer: marked, reason } = statedAnswer(completion, (text) => letterIn(text, options) !== null)
    if (marked !== null) {
      const found = letterIn(marked, options)
      if (found === null) return unparsed(marked, 'the stated answer is no single option')
      return { verdict: found === wanted ? 'equal' : 'different', extracted: marked, reason: null }
    }
    // A marker whose answer is cut off, or thinking that never ends, is not to be guessed round.
    if (reason !== 'no answer is marked') return unparsed(null, reason)
    const last = finalLetter(completion, options)
    if (last === null) return unparsed(null, 'no option is picked')
    return { verdict: last === wanted ? 'equal' : 'different', extracted: last, reason: null }
  },
}

/** Longest problem and longest end of a completion that are looked at, characters. */
const longest = { problem: 100_000, end: 2000 }

const unparsed = (extracted: string | null, reason: string): Verification => ({
  verdict: 'unparsed',
  extracted,
  reason,
})

/** Letters and what stands behind them. The last run of options counts that begins with A and goes on in order. */
function optionsOf(problem: string): ReadonlyMap<string, string> {
  if (problem.length > longest.problem) return new Map()
  const marks = [...problem.matchAll(/(?<=^|[\s;,])(?:\(([A-J])\)|([A-J])[.):])/g)]
  let options = new Map<string, string>()
  let run = new Map<string, string>()
  marks.forEach((mark, i) => {
    const letter = mark[1] ?? mark[2] ?? ''
    if (letter === 'A') run = new Map()
    else if (letter !== nextLetter(run)) return
    const next = marks[i + 1]
    run.set(letter, plain(problem.slice(mark.index + mark[0].length, next?.index).split('\n')[0] ?? ''))
    if (run.size >= 2) options = run
  })
  return options
}

const nextLetter = (run: ReadonlyMap<string, string>): string => 'ABCDEFGHIJ'[run.size] ?? ''

function referenceLetter(answer: string, options: ReadonlyMap<string, string>): string | null {
  const stated = /####|\\f?box/.test(answer) ? (statedAnswer(answer).answer ?? answer) : answer
  return letterIn(stated, options)
}

/** The one option a short text means; null if none, or two. */
function letterIn(text: string, options: ReadonlyMap<string, string>): string | null {
  const bare = plain(text)
  const letter = letterOnly.exec(bare)?.[1]?.toUpperCase() ?? /^\(?([A-J])(?:[).:]|\)[.:]?)\s/.exec(bare)?.[1]
  const exact = [...options].filter(([, option]) => option !== '' && same(option, bare)).map(([name]) => name)
  if (letter !== undefined) {
    if (options.size > 0 && !options.has(letter)) return null
    // (B) 12 names an option and its text: they must agree.
    const rest = bare.replace(/^\(?[A-J][).:]*\s*/, '')
    const option = options.get(letter)
    if (letterOnly.test(bare) || option === undefined || same(rest, option))
      return exact.length === 1 && exact[0] !== letter ? null : letter
    return others(rest, letter, options) ? null : letter
  }
  return exact.length === 1 ? (exact[0] ?? null) : null
}

const letterOnly = /^(?:option |choice |answer )?\(?([A-J])\)?[.:]?$/i

/** Whether a text is that of another option, or names one. */
const others = (text: string, letter: string, options: ReadonlyMap<string, string>): boolean =>
  [...options].some(
    ([name, option]) =>
      name !== letter && (same(text, option) || new RegExp(`(?:^|[\\s(])${name}(?:$|[\\s).,])`).test(text)),
  )

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

/** A letter that stands alone on the last line, or one option's text that does. */
function finalLetter(completion: string, options: ReadonlyMap<string, string>): string | null {
  const thought = completion.lastIndexOf('</think>')
  const text = completion.slice(Math.max(thought < 0 ? 0 : thought + 8, completion.length - longest.end))
  const line = text.trimEnd().split('\n').at(-1) ?? ''
  const whole = letterIn(line, options)
  if (whole !== null) return whole
  const named = [...new Set([...line.matchAll(/\(([A-J])\)/g)].map((mark) => mark[1] as string))]
  const behind = /(?:^|\s)\(?([A-J])\)?[.!]?$/.exec(plain(line))?.[1]
  const known = (letter: string | undefined): string | null =>
    letter !== undefined && (options.size === 0 || options.has(letter)) ? letter : null
  if (behind !== undefined) return named.every((name) => name === behind) ? known(behind) : null
  if (named.length > 0) return named.length === 1 ? known(named[0]) : null
  const lower = plain(line).toLowerCase()
  const within = [...options].filter(
    ([, option]) => option.length > 2 && lower.includes(option.toLowerCase()),
  )
  return within.length === 1 ? (within[0]?.[0] ?? null) : null
}

/** Without the dress of LaTeX and Markdown. */
const plain = (text: string): string =>
  text
    .slice(0, longest.end)
    .replace(/\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{([^{}]*)\}/g, '$1')
    .replace(/\\[()[\]]|[$*`]|\\[ ,;!]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[.,;]$/, '')
