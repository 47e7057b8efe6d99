import { statedAnswer } from './extract.ts'
import { equalRationals, parseQuantity } from './rational.ts'

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
  /** `answer` is what the rule compares with: a result, a worked solution, or tests as JSON. Rules that run programs or ask
   *  a model take their time. */
  verify(completion: string, answer: string, problem: string): Verification | Promise<Verification>
  /** Ends the processes and threads of a rule that has some. */
  close?(): Promise<void>
}

/** A rule that compares texts and is done at once. */
export interface TextVerifier extends Verifier {
  verify(completion: string, answer: string, problem?: string): Verification
}

/** The stated answer is the reference, character for character but for case and white space. */
export const exactAnswer: TextVerifier = {
  id: 'exact/1',
  verify: (completion, answer) => {
    const { answer: extracted, reason } = statedAnswer(completion)
    if (extracted === null) return { verdict: 'unparsed', extracted, reason }
    const same = squeezed(extracted) === squeezed(referenceOf(answer))
    return { verdict: same ? 'equal' : 'different', extracted, reason: null }
  },
}

/** The stated answer is the same number as the reference, compared as exact rationals. Where both name units and these
 *  differ, nothing is said: 50 cents may be half a dollar. */
export const numericAnswer: TextVerifier = {
  id: 'numeric/1',
  verify: (completion, answer) => {
    const { answer: extracted, reason } = statedAnswer(completion, (text) => parseQuantity(text) !== null)
    const unparsed = (why: string): Verification => ({ verdict: 'unparsed', extracted, reason: why })
    if (extracted === null) return unparsed(reason)
    const wanted = parseQuantity(referenceOf(answer))
    if (wanted === null) return unparsed('the reference answer is not a number')
    const found = parseQuantity(extracted)
    if (found === null) return unparsed('the stated answer is not a number')
    if (found.unit !== '' && wanted.unit !== '' && singular(found.unit) !== singular(wanted.unit)) {
      return unparsed('the units differ')
    }
    const same = equalRationals(found.value, wanted.value)
    return { verdict: same ? 'equal' : 'different', extracted, reason: null }
  },
}

/** A reference may be a whole worked solution: then its marked answer counts. */
function referenceOf(answer: string): string {
  return /####|\\f?box/.test(answer) ? (statedAnswer(answer).answer ?? answer) : answer
}

const squeezed = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()

const singular = (unit: string): string => unit.replace(/s\b/g, '')
