import { statedAnswer } from '../extract.ts'
import type { TextVerifier, Verdict, Verification } from '../verifier.ts'
import { cleaned, squeezed } from './clean.ts'
import { sameAnswer } from './compare.ts'
import type { Context } from './context.ts'
import { Budget, NotJudged } from './not-judged.ts'
import { type Choices, type Read, readAnswer } from './read.ts'

/** The stated answer means the same as the reference: numbers, formulas, tuples, sets, intervals, matrices, equations, units
 *  and words, in LaTeX or plain. In doubt nothing is said. Its work is counted, not timed, so that a verdict is the same on
 *  every machine. What is proved and what is not stands at `sameValue`. */
export const mathAnswer: TextVerifier = {
  id: 'math/1',
  verify: (completion, answer, problem = '') => {
    const { answer: extracted, reason } = statedAnswer(completion, isFormula, { wholeSentences: true })
    if (extracted === null) return { verdict: 'unparsed', extracted, reason }
    return { extracted, ...judged(extracted, referenceOf(answer), problem) }
  },
}

/** A reference may be a whole worked solution: then its marked answer counts. */
function referenceOf(answer: string): string {
  return /####|\\f?box/.test(answer) ? (statedAnswer(answer).answer ?? answer) : answer
}

function judged(found: string, wanted: string, problem: string): Omit<Verification, 'extracted'> {
  const [a, b] = [cleaned(found), cleaned(wanted)]
  if (b === null || !/[\p{L}\d]|\\\{\s*\\\}/u.test(b))
    return { verdict: 'unparsed', reason: 'the reference: it is no answer' }
  if (a !== null && squeezed(a) === squeezed(b)) return { verdict: 'equal', reason: null }
  try {
    const reference = read(wanted, 'the reference')
    return {
      verdict: verdictOf(read(found, 'the stated answer'), reference, found, wanted, problem),
      reason: null,
    }
  } catch (error) {
    if (error instanceof NotJudged) return { verdict: 'unparsed', reason: error.message }
    // Too deep for the stack, or a number too large to hold.
    if (error instanceof RangeError) return { verdict: 'unparsed', reason: 'it is too involved' }
    throw error
  }
}

/** By the usual reading of both; where another is possible, it must not overturn that. */
function verdictOf(a: Read, b: Read, found: string, wanted: string, problem: string): Verdict {
  const context: Context = { budget: new Budget(), problem }
  const same = sameAnswer(a.answer, b.answer, context)
  const hangsOn = new Set([...a.hangsOn, ...b.hangsOn])
  for (const choice of hangsOn) {
    // An answer that is right as usually read is right, but for 1/2x, which has no usual reading.
    if (same && choice !== 'tight') continue
    const choices: Choices = { tight: false, grouped: false, letterUnit: false, [choice]: true }
    const [x, y] = [readAnswer(found, choices).answer, readAnswer(wanted, choices).answer]
    const otherwise = sameAnswer(x, y, context)
    // 1500 g beside 1.5 kg is no letter.
    if (choice === 'letterUnit' && (hasUnit(a) || hasUnit(b))) return otherwise ? 'equal' : 'different'
    if (otherwise !== same) throw new NotJudged('it can be read in two ways')
  }
  return same ? 'equal' : 'different'
}

const hasUnit = ({ answer }: Read): boolean => answer.kind === 'quantity' && answer.unit !== null

function read(text: string, whose: string): Read {
  try {
    return readAnswer(text)
  } catch (error) {
    if (error instanceof NotJudged) throw new NotJudged(`${whose}: ${error.message}`)
    throw error
  }
}

/** Whether a sentence states something that is not mere words. */
function isFormula(text: string): boolean {
  try {
    return readAnswer(text).answer.kind !== 'text'
  } catch {
    return false
  }
}
