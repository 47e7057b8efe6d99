import { extractAnswer } from './extract.ts'
import { parseRational } from './rational.ts'

/** Equal and different are judgements; unparsed says that none could be made. */
export type Verdict = 'equal' | 'different' | 'unparsed'

export interface Verification {
  readonly verdict: Verdict
  /** The answer found in the completion, or null. */
  readonly extracted: string | null
  /** Why nothing could be judged, or null. */
  readonly reason: string | null
}

/** Judges a completion against a reference answer. Never throws, whatever the text. */
export interface Verifier {
  /** Names the rule and its version; part of every row it judged. */
  readonly id: string
  verify(completion: string, answer: string): Verification
}

/** The stated answer is the reference, up to case and white space. */
export const exactAnswer: Verifier = {
  id: 'exact/1',
  verify: (completion, answer) =>
    judge(completion, (extracted) => ({
      verdict: squeezed(extracted) === squeezed(answer) ? 'equal' : 'different',
      reason: null,
    })),
}

/** The stated answer is the same number as the reference, compared as exact rationals. */
export const numericAnswer: Verifier = {
  id: 'numeric/1',
  verify: (completion, answer) =>
    judge(completion, (extracted) => {
      const want = parseRational(answer)
      if (want === null) return { verdict: 'unparsed', reason: 'the reference answer is not a number' }
      const found = parseRational(withoutUnit(extracted))
      if (found === null) return { verdict: 'unparsed', reason: 'the stated answer is not a number' }
      const same = found.numerator === want.numerator && found.denominator === want.denominator
      return { verdict: same ? 'equal' : 'different', reason: null }
    }),
}

function judge(
  completion: string,
  compare: (extracted: string) => Pick<Verification, 'verdict' | 'reason'>,
): Verification {
  const extracted = extractAnswer(completion)
  if (extracted === null) return { verdict: 'unparsed', extracted, reason: 'no answer is stated' }
  return { extracted, ...compare(extracted) }
}

const squeezed = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()

/** One word after the number is taken for its unit: `18 apples`. */
const withoutUnit = (text: string): string =>
  text.replace(/^([^\p{L}\\]*\d)\s+(?:\\text\{)?\p{L}+\}?\.?$/u, '$1')
