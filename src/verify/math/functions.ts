import type { Rational } from '../rational.ts'
import * as balls from './ball.ts'
import * as complex from './complex.ts'
import type { Complex } from './complex.ts'
import { arcTangent, pi } from './elementary.ts'
import * as exact from './exact.ts'
import type { FunctionName } from './expression.ts'
import { NotJudged } from './not-judged.ts'
import { added, ballAt, divided, exponentialAt, multiplied, type Place, type Value } from './values.ts'

/** What a function of worked-out values comes to. */
export function callAt(name: FunctionName, [of, second]: readonly Value[], place: Place): Value {
  if (of === undefined) throw new NotJudged(`${name} is of nothing`)
  const { budget } = place.scale
  switch (name) {
    case 'abs':
      return absolute(of, place)
    case 'floor':
      return { exact: exact.whole(exact.floor(exactly(of, name))) }
    case 'ceil':
      return { exact: exact.whole(-exact.floor(exact.negated(exactly(of, name)))) }
    case 'factorial':
      return { exact: exact.factorial(exactly(of, name), budget) }
    case 'binomial':
      return binomial(exactly(of, name), exactly(second ?? of, name), place)
    case 'ln':
      return logarithm(of, place)
    case 'log':
      // Which base is meant nobody says: it is a letter like others.
      return divided(logarithm(of, place), unknownBase(place), place)
    default:
      return ofAngle(name, of, place)
  }
}

/** The letter that stands for the logarithm of the base that a bare `log` has. */
export const baseOfLog = 'base of log'

function unknownBase({ point }: Place): Value {
  const at = point.get(baseOfLog)
  if (at === undefined) throw new NotJudged('it has a log without a base')
  return { exact: at[0] }
}

function absolute(of: Value, place: Place): Value {
  if ('exact' in of) return of.exact.numerator < 0n ? { exact: exact.negated(of.exact) } : of
  // |z| of a complex z is a root of its own; that of a real number is the number or its opposite.
  const ball = complex.real(complex.sizeOf(of.ball, place.scale))
  return { ball, size: of.ball.im === null ? of.size : null }
}

function exactly(value: Value, name: FunctionName): Rational {
  if (!('exact' in value)) throw new NotJudged(`${name} is of no rational number`)
  return value.exact
}

function binomial(n: Rational, k: Rational, { scale: { budget } }: Place): Value {
  if (!exact.isWhole(n) || !exact.isWhole(k) || n.numerator < 0n || k.numerator < 0n)
    throw new NotJudged('it has a binomial coefficient of no whole numbers')
  if (k.numerator > n.numerator) return { exact: exact.zero }
  const less = n.numerator - k.numerator
  const steps = k.numerator < less ? k.numerator : less
  if (steps > 1000n) throw new NotJudged('a number in it is too large')
  let value = 1n
  for (let step = 1n; step <= steps; step++) {
    value = (value * (n.numerator - steps + step)) / step
    budget.spend(exact.bitLength(value))
  }
  return { exact: exact.whole(value) }
}

function logarithm(of: Value, place: Place): Value {
  if ('exact' in of && of.exact.numerator === 0n) throw new NotJudged('it has a logarithm of zero')
  if ('exact' in of && exact.isWhole(of.exact) && of.exact.numerator === 1n) return { exact: exact.zero }
  return { ball: complex.log(ballAt(of, place), place.scale), size: null }
}

function ofAngle(name: FunctionName, of: Value, place: Place): Value {
  const { scale } = place
  const one: Value = { exact: exact.one }
  const ball = (value: Complex): Value => ({ ball: value, size: null })
  if (/^arc/.test(name)) return ball(complex.real(inverse(name, of, place)))
  if (/h$/.test(name)) {
    const up = exponentialAt(ballAt(of, place), place)
    const down = divided(one, up, place)
    const minusDown = multiplied({ exact: exact.whole(-1n) }, down, place)
    const [sinh, cosh] = [added(up, minusDown, place), added(up, down, place)].map((value) =>
      divided(value, { exact: exact.whole(2n) }, place),
    ) as [Value, Value]
    return name === 'sinh' ? sinh : name === 'cosh' ? cosh : divided(sinh, cosh, place)
  }
  if ('exact' in of && of.exact.numerator === 0n && (name === 'sin' || name === 'tan')) return of
  const [sine, cosine] = complex.sineAndCosine(ballAt(of, place), scale).map(ball) as [Value, Value]
  switch (name) {
    case 'sin':
      return sine
    case 'cos':
      return cosine
    case 'tan':
      return divided(sine, cosine, place)
    case 'cot':
      return divided(cosine, sine, place)
    case 'sec':
      return divided(one, cosine, place)
    default:
      return divided(one, sine, place)
  }
}

/** Of a real number only; arcsin and arccos within (-1, 1) and at its ends. */
function inverse(name: FunctionName, of: Value, place: Place): balls.Ball {
  const { scale } = place
  const { re, im } = ballAt(of, place)
  if (im !== null) throw new NotJudged(`${name} is of a complex number`)
  if (name === 'arctan') return arcTangent(re, scale)
  const quarter = { middle: pi(scale).middle >> 1n, radius: 2n }
  const unit = balls.ballOf(exact.one, scale)
  const square = balls.minus(unit, balls.times(re, re, scale))
  let sine: balls.Ball
  if ('exact' in of && exact.isWhole(of.exact) && balls.magnitude(of.exact.numerator) === 1n)
    sine = of.exact.numerator > 0n ? quarter : balls.opposite(quarter)
  else if (balls.isPositive(square))
    sine = arcTangent(balls.dividedBy(re, balls.rootOf(square, 2, scale), scale), scale)
  else throw new NotJudged(`${name} is of a number that may lie outside -1 to 1`)
  return name === 'arcsin' ? sine : balls.minus(quarter, sine)
}
