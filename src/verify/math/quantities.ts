import type { Quantity } from './answer.ts'
import * as balls from './ball.ts'
import type { Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import {
  constant,
  type Expression,
  lettersOf,
  negative,
  nodesOf,
  numeral,
  product,
  quotient,
  sum,
} from './expression.ts'
import * as exact from './exact.ts'
import { NotJudged } from './not-judged.ts'
import { sameValue } from './same-value.ts'
import { siblingsOf, type Unit } from './units.ts'
import { ballAt } from './values.ts'

/** Whether two formulas with their units are the same quantity.
 *  A unit on one side only is taken to be meant on the other; of two of one measure one is converted; of two measures
 *  nothing is said. Per cent without a problem that asks for it is a hundredth. */
export function sameQuantity(a: Quantity, b: Quantity, context: Context): boolean {
  if (a.base !== null || b.base !== null) return sameInBase(a, b, context)
  const [one, other] = [a.unit, b.unit]
  if (one === null && other === null) return sameNumber(a, b, context)
  if (one !== null && other !== null) {
    if (one.measure !== other.measure) throw new NotJudged('the units differ')
    if (one.factor.numerator * other.factor.denominator === other.factor.numerator * one.factor.denominator)
      return sameNumber(a, b, context)
    return sameNumber(inSmallest(a, one), inSmallest(b, other), context)
  }
  return one === null ? sameWithUnit(b, a, context) : sameWithUnit(a, b, context)
}

const inSmallest = (of: Quantity, { factor }: Unit): Quantity => ({
  ...of,
  formula: product(numeral(factor), of.formula),
  places: null,
})

function sameWithUnit(withUnit: Quantity, bare: Quantity, context: Context): boolean {
  const unit = withUnit.unit as Unit
  const { problem, budget } = context
  const same = sameNumber(withUnit, bare, context)
  const as = (formula: Expression): boolean => sameValue(formula, bare.formula, budget)
  if (unit.measure === 'percent') {
    const isHundredth = as(quotient(withUnit.formula, numeral(exact.whole(100))))
    const asked = /per\s?cent|%/i.test(problem)
    if (same && (asked || isHundredth)) return true
    if (isHundredth && !asked) return true
    if (same || isHundredth) throw new NotJudged('one is per cent, the other may be')
    return false
  }
  if (unit.measure === 'angle') {
    if (same && /radian/i.test(problem)) throw new NotJudged('one is in degrees, the other in radians')
    return same || as(quotient(product(withUnit.formula, constant('pi')), numeral(exact.whole(180))))
  }
  if (same) return true
  const meant = siblingsOf(unit).find(({ factor }) =>
    sameValue(
      product(numeral(unit.factor), withUnit.formula),
      product(numeral(factor), bare.formula),
      budget,
    ),
  )
  if (meant !== undefined) throw new NotJudged('one has a unit, the other may have another')
  return false
}

function sameInBase(a: Quantity, b: Quantity, { budget }: Context): boolean {
  if (a.base === null || b.base === null) throw new NotJudged('only one names a base')
  const same = sameValue(a.formula, b.formula, budget)
  if (same && a.base !== b.base) throw new NotJudged('they are in different bases')
  return same
}

function sameNumber(a: Quantity, b: Quantity, { budget }: Context): boolean {
  const [x, y] = [a.formula, b.formula]
  if (hasInfinity(x) || hasInfinity(y)) return x.key === y.key
  if (sameValue(x, y, budget)) return true
  if (x.kind === 'letter' && y.kind === 'letter') {
    if (x.name.toLowerCase() === y.name.toLowerCase()) throw new NotJudged('they differ in case only')
    return false
  }
  const [letters, others] = [lettersOf(x), lettersOf(y)]
  if (letters.size > 0 && letters.size === others.size && [...letters].some((name) => !others.has(name)))
    throw new NotJudged('they are in different letters')
  if (letters.size === 0 && others.size === 0 && (isRounded(a, b, budget) || isRounded(b, a, budget)))
    throw new NotJudged('one is the other rounded')
  return false
}

const hasInfinity = (of: Expression): boolean =>
  nodesOf(of).some((node) => node.kind === 'constant' && node.name === 'infinity')

/** Whether a decimal of two places or more is what the other, that is no decimal, rounds to. */
function isRounded(decimal: Quantity, other: Quantity, budget: Context['budget']): boolean {
  const { places } = decimal
  if (places === null || places < 2 || other.places !== null || other.formula.kind === 'number') return false
  const scale = { bits: 128 + 4 * places, budget }
  const difference = sum(other.formula, negative(decimal.formula))
  const place = { point: new Map(), scale, roots: new Map(), weight: 0 }
  const { re, im } = ballAt(evaluate(difference, place), place)
  if (im !== null) return false
  const half = balls.ballOf({ numerator: 1n, denominator: 2n * 10n ** BigInt(places) }, scale)
  return balls.magnitude(re.middle) - re.radius <= half.middle
}
