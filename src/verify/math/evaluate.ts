import * as balls from './ball.ts'
import * as complex from './complex.ts'
import { euler, pi } from './elementary.ts'
import * as exact from './exact.ts'
import { type Expression, lettersOf } from './expression.ts'
import { callAt } from './functions.ts'
import { NotJudged } from './not-judged.ts'
import {
  added,
  ballAt,
  divided,
  exponentialAt,
  isZero,
  multiplied,
  type Place,
  type Size,
  sizeAt,
  type Value,
} from './values.ts'

/** What a formula comes to. Rationals stay exact as long as they can. */
export function evaluate(of: Expression, place: Place): Value {
  switch (of.kind) {
    case 'number':
      return { exact: of.value }
    case 'letter':
      return letterAt(of.name, place)
    case 'constant':
      return constantAt(of.name, place)
    case 'sum':
      return of.parts.map((part) => evaluate(part, place)).reduce((a, b) => added(a, b, place))
    case 'product':
      return of.parts.map((part) => evaluate(part, place)).reduce((a, b) => multiplied(a, b, place))
    case 'quotient':
      return divided(evaluate(of.over, place), evaluate(of.under, place), place)
    case 'power':
      return raised(of, place)
    case 'root':
      return rootAt(of.degree, evaluate(of.of, place), of.of.key, place)
    case 'call':
      return callAt(
        of.name,
        of.parts.map((part) => evaluate(part, place)),
        place,
      )
  }
}

function letterAt(name: string, { point, scale }: Place): Value {
  const at = point.get(name)
  if (at === undefined) throw new NotJudged(`nothing says what ${name} is`)
  const [re, im] = at
  if (im.numerator === 0n) return { exact: re }
  const [a, b] = [sizeAt({ exact: re }), sizeAt({ exact: im })] as [Size, Size]
  return {
    ball: { re: balls.ballOf(re, scale), im: balls.ballOf(im, scale) },
    size: { u: Math.max(a.u + b.l, a.l + b.u) + 1, l: a.l + b.l },
  }
}

function constantAt(name: 'pi' | 'e' | 'i' | 'infinity', { scale, roots }: Place): Value {
  if (name === 'infinity') throw new NotJudged('infinity is no number')
  if (name === 'pi') return { ball: complex.real(pi(scale)), size: null }
  if (name === 'e') return { ball: complex.real(euler(scale)), size: null }
  roots.set('2:-1', 2)
  const nought = balls.ballOf(exact.zero, scale)
  return { ball: { re: nought, im: balls.ballOf(exact.one, scale) }, size: { u: 0, l: 0 } }
}

/** Largest degree of a root that is not worked out by logarithms, and largest whole exponent of what is not rational. */
const most = { degree: 64, exponent: 1024 }

function raised({ base, exponent }: Expression & { kind: 'power' }, place: Place): Value {
  const to = evaluate(exponent, place)
  const { scale } = place
  if (!('exact' in to) || to.exact.denominator > BigInt(most.degree)) {
    if (base.kind === 'constant' && base.name === 'e') return exponentialAt(ballAt(to, place), place)
    const from = evaluate(base, place)
    if (isZero(from)) throw new NotJudged('it has zero to a power that is no simple fraction')
    const argument = complex.times(ballAt(to, place), complex.log(ballAt(from, place), scale), scale)
    return exponentialAt(argument, place)
  }
  const { numerator, denominator } = to.exact
  if (base.kind === 'constant' && base.name === 'e' && numerator !== 0n)
    return exponentialAt(ballAt(to, place), place)
  const from = evaluate(base, place)
  if (denominator === 1n) return wholePower(from, numerator, place)
  // (-8)^{1/3} is -2 to some and complex to others; of a letter the real root is meant.
  if (denominator > 2n && lettersOf(base).size === 0 && !balls.isPositive(ballAt(from, place).re))
    throw new NotJudged('a fractional power in it is of a negative number')
  return wholePower(rootAt(Number(denominator), from, base.key, place), numerator, place)
}

function wholePower(base: Value, exponent: bigint, place: Place): Value {
  if ('exact' in base) return { exact: exact.power(base.exact, exponent, place.scale.budget) }
  if (exponent < 0n) return divided({ exact: exact.one }, wholePower(base, -exponent, place), place)
  if (exponent > BigInt(most.exponent)) throw new NotJudged('an exponent in it is too large')
  place.weight += Number(exponent) * bitsAround(base.ball.re, place)
  let [result, square]: [Value, Value] = [{ exact: exact.one }, base]
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = multiplied(result, square, place)
    if (left > 1n) square = multiplied(square, square, place)
  }
  return result
}

/** How far from the point a value reaches, bits, to either side. */
function bitsAround({ middle, radius }: balls.Ball, { scale }: Place): number {
  return 1 + Math.abs(exact.bitLength(balls.magnitude(middle) + radius) - scale.bits)
}

/** A root: of a negative number the real one if the degree is odd, the principal one if it is two. */
function rootAt(degree: number, of: Value, key: string, place: Place): Value {
  const { scale, roots } = place
  if ('exact' in of) {
    const { numerator, denominator } = of.exact
    if (numerator < 0n) {
      const positive = rootAt(degree, { exact: exact.negated(of.exact) }, `-${key}`, place)
      if (degree % 2 === 1) return multiplied({ exact: exact.whole(-1n) }, positive, place)
      if (degree === 2) return multiplied(constantAt('i', place), positive, place)
      throw new NotJudged('an even root in it is of a negative number')
    }
    const root = exact.exactRoot(of.exact, degree, scale.budget)
    if (root !== null) return { exact: root }
    roots.set(`${degree}:${numerator}/${denominator}`, degree)
    const ball = complex.real(balls.rootOf(balls.ballOf(of.exact, scale), degree, scale))
    return { ball, size: rootSize(sizeAt(of), degree) }
  }
  const { re, im } = of.ball
  roots.set(`${degree}:${key}`, degree)
  const size = rootSize(of.size, degree)
  if (degree === 2) {
    // The root of a negative number is i times another one.
    roots.set('2:-1', 2)
    return { ball: complex.squareRoot(of.ball, scale), size }
  }
  if (im !== null || !balls.excludesZero(re)) throw new NotJudged('a root in it is of a complex number')
  if (balls.isPositive(re)) return { ball: complex.real(balls.rootOf(re, degree, scale)), size }
  if (degree % 2 === 0) throw new NotJudged('an even root in it is of a negative number')
  const positive = balls.rootOf(balls.opposite(re), degree, scale)
  return { ball: complex.real(balls.opposite(positive)), size }
}

function rootSize(size: Size | null, degree: number): Size | null {
  if (size === null) return null
  const { u, l } = size
  return u >= l ? { u: (u + (degree - 1) * l) / degree, l } : { u, l: ((degree - 1) * u + l) / degree }
}
