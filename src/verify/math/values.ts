import type { Rational } from '../rational.ts'
import * as balls from './ball.ts'
import type { Scale } from './ball.ts'
import * as complex from './complex.ts'
import type { Complex } from './complex.ts'
import * as exact from './exact.ts'

/** Where and how well a formula is worked out. */
export interface Place {
  /** What the letters stand for: a rational, or two as a complex number. */
  readonly point: ReadonlyMap<string, readonly [re: Rational, im: Rational]>
  readonly scale: Scale
  /** Degrees of the different roots met so far, by their keys. */
  readonly roots: Map<string, number>
  /** Bits of the rationals that became balls, and of the powers of what is not rational: how small a difference can be. */
  weight: number
}

/** log2 of the bounds u and l of Burnikel, Funke, Mehlhorn, Schirra and Schmitt (A separation bound for real algebraic
 *  expressions, ESA 2001): the value is U / L with algebraic integers whose conjugates stay below u and l. */
export interface Size {
  readonly u: number
  readonly l: number
}

/** A value known exactly, or as a ball. Size is null where it is not algebraic. */
export type Value = { readonly exact: Rational } | { readonly ball: Complex; readonly size: Size | null }

export function ballAt(value: Value, place: Place): Complex {
  if (!('exact' in value)) return value.ball
  const { numerator, denominator } = value.exact
  place.weight += exact.bitLength(numerator) + exact.bitLength(denominator)
  return complex.real(balls.ballOf(value.exact, place.scale))
}

/** e to a value; as many bits are put on the weight as the result has before or behind the point. */
export function exponentialAt(of: Complex, place: Place): Value {
  place.weight += 2 * (1 + Number(balls.magnitude(of.re.middle) >> BigInt(place.scale.bits)))
  return { ball: complex.exp(of, place.scale), size: null }
}

export function added(a: Value, b: Value, place: Place): Value {
  if ('exact' in a && 'exact' in b) return { exact: exact.add(a.exact, b.exact, place.scale.budget) }
  const [x, y] = [sizeAt(a), sizeAt(b)]
  return {
    ball: complex.plus(ballAt(a, place), ballAt(b, place)),
    size: x && y && { u: Math.max(x.u + y.l, x.l + y.u) + 1, l: x.l + y.l },
  }
}

export function multiplied(a: Value, b: Value, place: Place): Value {
  if ('exact' in a && 'exact' in b) return { exact: exact.multiply(a.exact, b.exact, place.scale.budget) }
  if (isZero(a) || isZero(b)) return { exact: exact.zero }
  const [x, y] = [sizeAt(a), sizeAt(b)]
  return {
    ball: complex.times(ballAt(a, place), ballAt(b, place), place.scale),
    size: x && y && { u: x.u + y.u, l: x.l + y.l },
  }
}

export function divided(a: Value, b: Value, place: Place): Value {
  if ('exact' in b) return multiplied(a, { exact: exact.inverse(b.exact) }, place)
  const [x, y] = [sizeAt(a), sizeAt(b)]
  return {
    ball: complex.dividedBy(ballAt(a, place), ballAt(b, place), place.scale),
    size: x && y && { u: x.u + y.l, l: x.l + y.u },
  }
}

export const isZero = (value: Value): boolean => 'exact' in value && value.exact.numerator === 0n

/** Bounds of a value; null for what is not algebraic. */
export function sizeAt(value: Value): Size | null {
  if (!('exact' in value)) return value.size
  const { numerator, denominator } = value.exact
  return { u: exact.bitLength(numerator), l: denominator === 1n ? 0 : exact.bitLength(denominator) }
}
