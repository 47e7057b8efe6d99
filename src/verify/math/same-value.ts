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
 *  is known: there two values are the same when they agree to 256 bits and 8 more for each bit written down. */
export function sameValue(a: Expression, b: Expression, budget: Budget): boolean {
  if (a.key === b.key) return true
  const difference = sum(a, negative(b))
  const letters = [...lettersOf(difference)].sort()
  const nodes = nodesOf(difference)
  if (nodes.some((node) => node.kind === 'call' && node.name === 'log')) letters.push(baseOfLog)
  const need = neededBits(nodes)
  if (letters.length === 0) return isZeroAt(difference, new Map(), need, budget)
  const where = pointsFor(letters, a.key, b.key)
  const verdicts = where.map((point) => isZeroAt(difference, point, need, budget))
  if (verdicts.every((same) => same)) return true
  if (letters.includes(baseOfLog)) throw new NotJudged('a log in it has no base')
  if (verdicts[0] === true && verdicts[1] === true)
    throw new NotJudged('they are the same for positive values only')
  return false
}

/** Four ways to stand for the letters: twice all positive, all negative, and mixed. z and w are complex. */
function pointsFor(letters: readonly string[], ...key: readonly string[]): Place['point'][] {
  const random = rngFor('letters', ...key)
  const dyadic = (sign: number): Rational => ({
    numerator: BigInt(sign * (2 ** 28 + random.below(2 ** 30))),
    denominator: 2n ** 29n,
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

/** Bits that values with pi, e or functions must agree to. */
function neededBits(nodes: readonly Expression[]): number {
  const written = nodes.map((node) =>
    node.kind === 'number' ? bitLength(node.value.numerator) + bitLength(node.value.denominator) : 2,
  )
  return 256 + 8 * written.reduce((total, bits) => total + bits, 0)
}

/** Bits that a first look takes, and most that a proof may. */
const precision = { first: 128, most: 6000 }

function isZeroAt(of: Expression, point: Place['point'], otherwise: number, budget: Budget): boolean {
  for (let bits = precision.first; ;) {
    const place: Place = { point, scale: { bits, budget }, roots: new Map() }
    const value = evaluate(of, place)
    if ('exact' in value) return value.exact.numerator === 0n
    const { re, im } = ballAt(value, place)
    if (balls.excludesZero(re) || (im !== null && balls.excludesZero(im))) return false
    const need = needed(value, place) ?? otherwise
    const size = sizeOf(re) > sizeOf(im) ? sizeOf(re) : sizeOf(im)
    if (bitLength(size) <= bits - need) return true
    bits = bits < need + 64 ? need + 64 : bits * 2
    // Constants are kept by the number of bits: few numbers, few constants.
    bits = 128 * Math.ceil(bits / 128)
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
