import { rngFor } from '../../statistics/random.ts'
import type { Rational } from '../rational.ts'
import * as balls from './ball.ts'
import { evaluate } from './evaluate.ts'
import { bitLength, zero } from './exact.ts'
import { type Expression, lettersOf, negative, nodesOf, sum } from './expression.ts'
import { baseOfLog } from './functions.ts'
import { type Budget, NotJudged } from './not-judged.ts'
import { ballAt, type Place, type Value } from './values.ts'

/** Whether two formulas have the same value, whatever their letters stand for.
 *
 *  Letters are replaced by random dyadic rationals drawn from the two formulas themselves, so that none can be written to
 *  fit the draw: of a rational function of degree d in a letter, d in 2^30 draws could deceive, and all four would have to.
 *  Without roots and functions everything is exact. Roots are enclosed in balls; a difference whose ball leaves zero out is
 *  proved, and an equality is proved by the separation bound of {@link Size}. With pi, e or functions in it no such bound
 *  is known: there two values are the same when they agree to 192 bits and to several times as many more as there are in
 *  the numbers in them ({@link neededBits}). */
export function sameValue(a: Expression, b: Expression, budget: Budget): boolean {
  if (a.key === b.key) return true
  const difference = sum(a, negative(b))
  const letters = [...lettersOf(difference)].sort()
  const nodes = nodesOf(difference)
  const calls = nodes.filter(({ kind }) => kind === 'call').length
  if (nodes.some((node) => node.kind === 'call' && node.name === 'log')) letters.push(baseOfLog)
  if (letters.length === 0) return isZeroAt(difference, new Map(), calls, budget)
  const isExact = nodes.every(({ kind }) => kind !== 'call' && kind !== 'constant')
  const where = pointsFor(letters, isExact ? 30 : 16, a.key, b.key)
  const sameAt = (point: Place['point']): boolean => isZeroAt(difference, point, calls, budget)
  const hold = where.findIndex((point) => !sameAt(point))
  if (hold < 0) return true
  if (letters.includes(baseOfLog)) throw new NotJudged('a log in it has no base')
  if (hold > 1) throw new NotJudged('they are the same for positive values only')
  const counts = letters.filter((name) => /^[jkmn](?:_|$)/.test(name))
  const isUneven = nodes.some(({ kind }) => kind === 'call' || kind === 'power') && counts.length > 0
  if (isUneven && where.every((point, round) => sameAt(withWhole(point, counts, round))))
    throw new NotJudged('they are the same for whole numbers only')
  return false
}

/** The same point with whole numbers for some letters: (-1)^{2n} is 1 for those alone. */
const withWhole = (point: Place['point'], letters: readonly string[], round: number): Place['point'] =>
  new Map([
    ...point,
    ...letters.map(
      (name, i) => [name, [{ numerator: BigInt(2 + round + i), denominator: 1n }, zero]] as const,
    ),
  ])

/** Four ways to stand for the letters: twice all positive, all negative, and mixed. z and w are complex. Of short numbers where
 *  functions make every bit dear. */
function pointsFor(letters: readonly string[], bits: number, ...key: readonly string[]): Place['point'][] {
  const random = rngFor('letters', ...key)
  const dyadic = (sign: number): Rational => ({
    numerator: BigInt(sign * (2 ** (bits - 2) + random.below(2 ** bits))),
    denominator: 2n ** BigInt(bits - 1),
  })
  return [0, 1, 2, 3].map((round) => {
    const signOf = (): number => (round < 2 ? 1 : round === 2 ? -1 : random.below(2) * 2 - 1)
    return new Map(
      letters.map((name) => {
        const re = dyadic(name === baseOfLog ? 1 : signOf())
        return [name, [re, name === 'z' || name === 'w' ? dyadic(signOf()) : zero]]
      }),
    )
  })
}

/** Bits that values with pi, e or functions must agree to. Functions bring values nearer than the numbers in them are:
 *  sin x and x differ by the cube of x, sin tan x and tan sin x by its seventh power. */
const neededBits = (weight: number, calls: number): number => 192 + (2 + calls) * weight

/** Bits that a first look takes, and most that a proof may. */
const precision = { first: 128, most: 6000 }

function isZeroAt(of: Expression, point: Place['point'], calls: number, budget: Budget): boolean {
  for (let bits = precision.first; ;) {
    const place: Place = { point, scale: { bits, budget }, roots: new Map(), weight: 0 }
    const value = evaluate(of, place)
    if ('exact' in value) return value.exact.numerator === 0n
    const { re, im } = ballAt(value, place)
    if (balls.excludesZero(re) || (im !== null && balls.excludesZero(im))) return false
    const need = needed(value, place) ?? neededBits(place.weight, calls)
    const size = sizeOf(re) > sizeOf(im) ? sizeOf(re) : sizeOf(im)
    if (bitLength(size) <= bits - need) return true
    // Constants are kept by the number of bits: few numbers, few constants.
    bits = Math.max(bits + 128, Math.min(2 * bits, 128 * Math.ceil((need + 64) / 128)))
    if (bits > precision.most) throw new NotJudged('they are too close to tell apart')
  }
}

/** An algebraic number that is not zero is at least 2^-this; null of what is not algebraic. */
function needed(value: Value, { roots }: Place): number | null {
  if ('exact' in value || value.size === null) return null
  const degree = [...roots.values()].reduce((product, of) => product * of, 1)
  return Math.ceil((degree - 1) * value.size.u + value.size.l) + 8
}

const sizeOf = (ball: balls.Ball | null): bigint =>
  ball === null ? 0n : balls.magnitude(ball.middle) + ball.radius
