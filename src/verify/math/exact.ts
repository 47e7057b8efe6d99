import { type Rational, reduced } from '../rational.ts'
import { type Budget, NotJudged } from './not-judged.ts'

/** Longest numerator or denominator that is worked with, bits: 9^{9^9} is out, 100! (525 bits) is in. */
const longestBits = 8192

export const zero: Rational = { numerator: 0n, denominator: 1n }
export const one: Rational = { numerator: 1n, denominator: 1n }

export const whole = (value: bigint | number): Rational => ({ numerator: BigInt(value), denominator: 1n })

export const isWhole = ({ denominator }: Rational): boolean => denominator === 1n

/** Bits of the absolute value, at most three too many. */
export function bitLength(value: bigint): number {
  const size = value < 0n ? -value : value
  return size < 0x1_0000_0000n ? 32 - Math.clz32(Number(size)) : size.toString(16).length * 4
}

export function add(a: Rational, b: Rational, budget: Budget): Rational {
  if (a.denominator === 1n && b.denominator === 1n) return capped(whole(a.numerator + b.numerator), budget)
  const top = a.numerator * b.denominator + b.numerator * a.denominator
  return lowest(top, a.denominator * b.denominator, budget)
}

export const negated = ({ numerator, denominator }: Rational): Rational => ({
  numerator: -numerator,
  denominator,
})

export function multiply(a: Rational, b: Rational, budget: Budget): Rational {
  return lowest(a.numerator * b.numerator, a.denominator * b.denominator, budget)
}

export function inverse({ numerator, denominator }: Rational): Rational {
  if (numerator === 0n) throw new NotJudged('it divides by zero')
  return numerator < 0n
    ? { numerator: -denominator, denominator: -numerator }
    : { numerator: denominator, denominator: numerator }
}

/** base^exponent of a whole exponent; refused before it is computed when it would be too long. */
export function power(base: Rational, exponent: bigint, budget: Budget): Rational {
  if (exponent < 0n) return power(inverse(base), -exponent, budget)
  if (base.numerator === 0n && exponent === 0n) throw new NotJudged('it has zero to the power of zero')
  if (isWhole(base) && base.numerator >= -1n && base.numerator <= 1n)
    return base.numerator < 0n && exponent % 2n === 0n ? one : exponent === 0n ? one : base
  const bits = Math.max(bitLength(base.numerator), bitLength(base.denominator))
  if (exponent > BigInt(longestBits) || (bits - 1) * Number(exponent) > longestBits)
    throw new NotJudged('a number in it is too large')
  budget.spend(bits * Number(exponent))
  return capped({ numerator: base.numerator ** exponent, denominator: base.denominator ** exponent }, budget)
}

/** n! of a whole number. */
export function factorial(of: Rational, budget: Budget): Rational {
  if (!isWhole(of) || of.numerator < 0n) throw new NotJudged('it has a factorial of no whole number')
  // 971! has 8,190 bits.
  if (of.numerator > 971n) throw new NotJudged('a number in it is too large')
  let product = 1n
  for (let factor = 2n; factor <= of.numerator; factor++) product *= factor
  budget.spend(longestBits)
  return whole(product)
}

/** The rational whose k-th power this is, of a value that is not negative; null if there is none. */
export function exactRoot(of: Rational, degree: number, budget: Budget): Rational | null {
  const over = rootFloor(of.numerator, degree, budget)
  if (over ** BigInt(degree) !== of.numerator) return null
  const under = rootFloor(of.denominator, degree, budget)
  return under ** BigInt(degree) === of.denominator ? { numerator: over, denominator: under } : null
}

/** Largest whole number whose k-th power is not above the value, by Newton's method from above. */
export function rootFloor(value: bigint, degree: number, budget: Budget): bigint {
  if (value < 2n) return value
  const bits = bitLength(value)
  const k = BigInt(degree)
  let guess = 1n << BigInt(Math.floor(bits / degree) + 1)
  for (;;) {
    budget.spend(bits)
    const better = ((k - 1n) * guess + value / guess ** (k - 1n)) / k
    if (better >= guess) return guess
    guess = better
  }
}

export const floor = ({ numerator, denominator }: Rational): bigint =>
  numerator >= 0n ? numerator / denominator : -((-numerator + denominator - 1n) / denominator)

function lowest(numerator: bigint, denominator: bigint, budget: Budget): Rational {
  if (denominator === 1n) return capped({ numerator, denominator }, budget)
  return capped(reduced(numerator, denominator), budget, true)
}

function capped(value: Rational, budget: Budget, divided = false): Rational {
  const bits = bitLength(value.numerator) + bitLength(value.denominator)
  // The greatest common divisor takes about one division for every bit and a half.
  budget.spend(divided ? 64 * Math.sqrt((bits / 64) * (bits / 2) * 0.3 + 1) : bits)
  if (bits > 2 * longestBits) throw new NotJudged('a number in it is too large')
  return value
}
