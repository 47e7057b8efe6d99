import type { Answer } from './answer.ts'
import type { Context } from './context.ts'
import * as exact from './exact.ts'
import * as expressions from './expression.ts'
import { type Expression, lettersOf, negative, numeral, partsOf, product, sum } from './expression.ts'
import { NotJudged } from './not-judged.ts'
import { sameValue } from './same-value.ts'

type Equation = Answer & { readonly kind: 'equation' }

/** Two equations are the same when one is a multiple of the other by a number that is not zero: E(x) F(y) = E(y) F(x). Where
 *  they are not, only linear ones are known to differ: x^2 = 0 and x = 0 say the same. */
export function sameEquation(a: Equation, b: Equation, { budget }: Context): boolean {
  const [e, f] = [a, b].map(({ left, right }) => sum(left, negative(right))) as [Expression, Expression]
  const letters = lettersOf(e)
  const others = lettersOf(f)
  if (letters.size === 0 || letters.size !== others.size || [...letters].some((name) => !others.has(name)))
    throw new NotJudged('the equations are in different letters')
  const nought = numeral(exact.zero)
  if (sameValue(e, nought, budget) || sameValue(f, nought, budget))
    throw new NotJudged('an equation says nothing')
  if (sameValue(product(e, renamed(f)), product(renamed(e), f), budget)) return true
  if (degreeOf(e) <= 1 && degreeOf(f) <= 1) return false
  throw new NotJudged('the equations are no multiples of each other')
}

/** The same with other letters. */
function renamed(of: Expression): Expression {
  switch (of.kind) {
    case 'letter':
      return expressions.letter(`${of.name}'`)
    case 'sum':
      return sum(...of.parts.map(renamed))
    case 'product':
      return product(...of.parts.map(renamed))
    case 'quotient':
      return expressions.quotient(renamed(of.over), renamed(of.under))
    case 'power':
      return expressions.power(renamed(of.base), renamed(of.exponent))
    case 'root':
      return expressions.root(of.degree, renamed(of.of))
    case 'call':
      return expressions.call(of.name, ...of.parts.map(renamed))
    default:
      return of
  }
}

/** Degree in all letters together; infinite of what is no polynomial. */
function degreeOf(of: Expression): number {
  if (lettersOf(of).size === 0) return 0
  const degrees = partsOf(of).map(degreeOf)
  switch (of.kind) {
    case 'letter':
      return 1
    case 'sum':
      return Math.max(...degrees)
    case 'product':
      return degrees.reduce((total, degree) => total + degree, 0)
    case 'quotient':
      return degrees[1] === 0 ? (degrees[0] ?? 0) : Infinity
    default:
      return Infinity
  }
}
