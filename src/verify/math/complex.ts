import * as balls from './ball.ts'
import type { Ball, Scale } from './ball.ts'
import { arcTangent, exponential, logarithm, pi, sineCosine } from './elementary.ts'
import { NotJudged } from './not-judged.ts'

/** A complex number; without `im` it is known to be real. */
export interface Complex {
  readonly re: Ball
  readonly im: Ball | null
}

export const real = (re: Ball): Complex => ({ re, im: null })

export function plus(a: Complex, b: Complex): Complex {
  return {
    re: balls.plus(a.re, b.re),
    im: a.im === null ? b.im : b.im === null ? a.im : balls.plus(a.im, b.im),
  }
}

export function times(a: Complex, b: Complex, scale: Scale): Complex {
  const of = (x: Ball, y: Ball): Ball => balls.times(x, y, scale)
  if (a.im === null) return { re: of(a.re, b.re), im: b.im === null ? null : of(a.re, b.im) }
  if (b.im === null) return { re: of(a.re, b.re), im: of(a.im, b.re) }
  return {
    re: balls.minus(of(a.re, b.re), of(a.im, b.im)),
    im: balls.plus(of(a.re, b.im), of(a.im, b.re)),
  }
}

export function dividedBy(a: Complex, b: Complex, scale: Scale): Complex {
  const over = (x: Ball, y: Ball): Ball => balls.dividedBy(x, y, scale)
  if (b.im === null) return { re: over(a.re, b.re), im: a.im === null ? null : over(a.im, b.re) }
  const top = times(a, { re: b.re, im: balls.opposite(b.im) }, scale)
  const square = squareOf(b, scale)
  return { re: over(top.re, square), im: top.im === null ? null : over(top.im, square) }
}

/** The principal square root, in the right half-plane. */
export function squareRoot(of: Complex, scale: Scale): Complex {
  if (of.im === null) {
    if (balls.isPositive(of.re)) return real(balls.rootOf(of.re, 2, scale))
    if (balls.isNegative(of.re)) return { re: nought, im: balls.rootOf(balls.opposite(of.re), 2, scale) }
    throw new NotJudged('a root in it may be of zero')
  }
  // sqrt(x + iy) = s + i y / 2s with s = sqrt((|z| + x) / 2), which is not near zero off the negative axis.
  const half = { ...scaledHalf(balls.plus(sizeOf(of, scale), of.re)) }
  if (!balls.isPositive(half)) throw new NotJudged('a root in it is too near its cut')
  const s = balls.rootOf(half, 2, scale)
  return { re: s, im: balls.dividedBy(of.im, { middle: s.middle * 2n, radius: s.radius * 2n }, scale) }
}

export function exp(of: Complex, scale: Scale): Complex {
  const size = exponential(of.re, scale)
  if (of.im === null) return real(size)
  const [sine, cosine] = sineCosine(of.im, scale)
  return { re: balls.times(size, cosine, scale), im: balls.times(size, sine, scale) }
}

/** The principal logarithm, its imaginary part in (-pi, pi]. */
export function log(of: Complex, scale: Scale): Complex {
  if (of.im === null) {
    if (balls.isNegative(of.re)) return { re: logarithm(balls.opposite(of.re), scale), im: pi(scale) }
    return real(logarithm(of.re, scale))
  }
  const size = logarithm(sizeOf(of, scale), scale)
  if (balls.isPositive(of.re))
    return { re: size, im: arcTangent(balls.dividedBy(of.im, of.re, scale), scale) }
  if (!balls.excludesZero(of.im)) throw new NotJudged('a logarithm in it is too near its cut')
  // Off the right half-plane the angle is a quarter turn, up or down, less that of x/y.
  const quarter = scaledHalf(pi(scale))
  const rest = arcTangent(balls.dividedBy(of.re, of.im, scale), scale)
  return { re: size, im: balls.minus(balls.isPositive(of.im) ? quarter : balls.opposite(quarter), rest) }
}

/** Sine and cosine, by those of the real part and the exponential of the imaginary one. */
export function sineAndCosine(of: Complex, scale: Scale): readonly [Complex, Complex] {
  const [sine, cosine] = sineCosine(of.re, scale)
  if (of.im === null) return [real(sine), real(cosine)]
  const [up, down] = [exponential(of.im, scale), exponential(balls.opposite(of.im), scale)]
  const [cosh, sinh] = [scaledHalf(balls.plus(up, down)), scaledHalf(balls.minus(up, down))]
  const of2 = (x: Ball, y: Ball): Ball => balls.times(x, y, scale)
  return [
    { re: of2(sine, cosh), im: of2(cosine, sinh) },
    { re: of2(cosine, cosh), im: balls.opposite(of2(sine, sinh)) },
  ]
}

/** |z|. */
export function sizeOf(of: Complex, scale: Scale): Ball {
  if (of.im === null) return balls.absolute(of.re)
  const square = squareOf(of, scale)
  if (!balls.isPositive(square)) throw new NotJudged('it may divide by zero')
  return balls.rootOf(square, 2, scale)
}

const nought: Ball = { middle: 0n, radius: 0n }

const squareOf = ({ re, im }: Complex, scale: Scale): Ball =>
  balls.plus(balls.times(re, re, scale), im === null ? nought : balls.times(im, im, scale))

const scaledHalf = ({ middle, radius }: Ball): Ball => ({ middle: middle >> 1n, radius: (radius >> 1n) + 1n })
