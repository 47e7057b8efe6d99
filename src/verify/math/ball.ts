import type { Rational } from '../rational.ts'
import { rootFloor } from './exact.ts'
import { type Budget, NotJudged } from './not-judged.ts'

/** A real number known to lie within `radius` of `middle`, both in units of 2^-bits. Every operation rounds outwards, so
 *  that what a ball leaves out is proved. */
export interface Ball {
  readonly middle: bigint
  readonly radius: bigint
}

/** Bits behind the point, and the account that the work goes on. */
export interface Scale {
  readonly bits: number
  readonly budget: Budget
}

/** Largest bits before the point: e^{e^{e^3}} has more. */
const mostBits = 16_384

export const ballOf = ({ numerator, denominator }: Rational, { bits }: Scale): Ball => {
  const scaled = numerator << BigInt(bits)
  return { middle: scaled / denominator, radius: scaled % denominator === 0n ? 0n : 1n }
}

export const excludesZero = ({ middle, radius }: Ball): boolean => magnitude(middle) > radius
export const isPositive = ({ middle, radius }: Ball): boolean => middle > radius
export const isNegative = ({ middle, radius }: Ball): boolean => -middle > radius
export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value)

export const plus = (a: Ball, b: Ball): Ball => ({ middle: a.middle + b.middle, radius: a.radius + b.radius })
export const minus = (a: Ball, b: Ball): Ball => ({
  middle: a.middle - b.middle,
  radius: a.radius + b.radius,
})
export const opposite = ({ middle, radius }: Ball): Ball => ({ middle: -middle, radius })

export function times(a: Ball, b: Ball, scale: Scale): Ball {
  const shift = BigInt(scale.bits)
  const spread = magnitude(a.middle) * b.radius + magnitude(b.middle) * a.radius + a.radius * b.radius
  return kept({ middle: (a.middle * b.middle) >> shift, radius: (spread >> shift) + 2n }, scale)
}

export function dividedBy(a: Ball, b: Ball, scale: Scale): Ball {
  if (!excludesZero(b)) throw new NotJudged('it may divide by zero')
  const middle = (a.middle << BigInt(scale.bits)) / b.middle
  const least = magnitude(b.middle) - b.radius
  const spread = ((magnitude(middle) * b.radius) >> BigInt(scale.bits)) + a.radius + 1n
  return kept({ middle, radius: (spread << BigInt(scale.bits)) / least + 2n }, scale)
}

/** The k-th root of a positive ball. */
export function rootOf(of: Ball, degree: number, scale: Scale): Ball {
  const shift = BigInt(scale.bits * (degree - 1))
  const low = rootFloor((of.middle - of.radius) << shift, degree, scale.budget)
  const high = of.radius === 0n ? low : rootFloor((of.middle + of.radius) << shift, degree, scale.budget)
  return between(low, high + 1n)
}

export const absolute = (of: Ball): Ball => {
  if (excludesZero(of)) return { middle: magnitude(of.middle), radius: of.radius }
  return between(0n, magnitude(of.middle) + of.radius)
}

/** A ball over everything from low to high. */
function between(low: bigint, high: bigint): Ball {
  const middle = (low + high) >> 1n
  return { middle, radius: high - middle }
}

/** Pays for an operation whose result this is. */
export function kept(ball: Ball, { bits, budget }: Scale): Ball {
  const size = magnitude(ball.middle) >> BigInt(bits)
  const before = size === 0n ? 0 : size.toString(16).length * 4
  if (before > mostBits) throw new NotJudged('a number in it is too large')
  budget.spend(bits + before)
  return ball
}
