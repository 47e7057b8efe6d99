import {
  type Ball,
  dividedBy,
  isPositive,
  kept,
  magnitude,
  opposite,
  plus,
  rootOf,
  type Scale,
  times,
} from './ball.ts'
import { NotJudged } from './not-judged.ts'

/** Guard bits: the rounding of a few hundred steps stays under 2^16 units of them, which leaves the last unit alone. */
const guard = 32

/** Pi within one unit of 2^-bits, by Machin's formula 16 atan(1/5) - 4 atan(1/239). */
export const pi = constantOf((bits) => 16n * inverseTangent(5n, bits) - 4n * inverseTangent(239n, bits))

/** Euler's number within one unit, by its series. */
export const euler = constantOf((bits) => {
  let [sum, term] = [0n, 1n << BigInt(bits)]
  for (let n = 1n; term > 0n; n++) [sum, term] = [sum + term, term / n]
  return sum
})

/** ln 2 = 2 atanh(1/3), within one unit. */
const logOfTwo = constantOf((bits) => {
  let [sum, term] = [0n, (2n << BigInt(bits)) / 3n]
  for (let n = 1n; term > 0n; n += 2n) [sum, term] = [sum + term / n, term / 9n]
  return sum
})

export function exponential(of: Ball, scale: Scale): Ball {
  const two = logOfTwo(scale)
  const power = rounded(of.middle, two.middle)
  if (power > 20_000n) throw new NotJudged('a number in it is too large')
  // Multiplied by 2^power, an error of the reduced argument grows as much: work with that many bits more.
  const wide = { ...scale, bits: scale.bits + guard + Number(power > 0n ? 2n * power : 0n) }
  const shift = BigInt(wide.bits - scale.bits)
  const argument = (of.middle << shift) - power * logOfTwo(wide).middle
  // exp(t) = exp(t / 2^8)^(2^8).
  const halvings = 8n
  let value = taylor(argument >> halvings, 1n << BigInt(wide.bits), 1n, 1n, wide)
  for (let i = 0n; i < halvings; i++) value = (value * value) >> BigInt(wide.bits)
  const back = shift - power
  const middle = back >= 0n ? value >> back : value << -back
  // exp(m + r) - exp(m) is below 2 r exp(m) for r < 1; the rest is the error of the middle, relative 2^-(bits + 8) at most.
  if (of.radius >> BigInt(scale.bits) > 0n) throw new NotJudged('a number in it is too large')
  const spread = ((magnitude(middle) + 1n) * 2n * of.radius) >> BigInt(scale.bits)
  return kept({ middle, radius: spread + 3n }, scale)
}

/** Natural logarithm of a positive ball. */
export function logarithm(of: Ball, scale: Scale): Ball {
  if (!isPositive(of)) throw new NotJudged('a logarithm in it cannot be placed')
  const low = of.middle - of.radius
  const length = of.middle.toString(2).length - scale.bits
  scale.budget.spend(scale.bits)
  const wide = { ...scale, bits: scale.bits + guard }
  // of = 2^length * y, 1/2 <= y < 1; four square roots bring y near 1, atanh does the rest.
  const shift = BigInt(guard - length)
  const y = shift >= 0n ? of.middle << shift : of.middle >> -shift
  let reduced: Ball = { middle: y, radius: 1n }
  for (let i = 0; i < 4; i++) reduced = rootOf(reduced, 2, wide)
  const unit = 1n << BigInt(wide.bits)
  const t = dividedBy(
    { ...reduced, middle: reduced.middle - unit },
    { ...reduced, middle: reduced.middle + unit },
    wide,
  )
  const series = alternating(t.middle, 1n, wide)
  const value = ((2n * series) << 4n) + BigInt(length) * logOfTwo(wide).middle
  const own = (BigInt(Math.abs(length)) + 64n * (t.radius + BigInt(wide.bits))) >> BigInt(guard)
  const spread = (of.radius << BigInt(scale.bits)) / low
  return kept({ middle: value >> BigInt(guard), radius: own + spread + 3n }, scale)
}

/** Sine and cosine. */
export function sineCosine(of: Ball, scale: Scale): readonly [sine: Ball, cosine: Ball] {
  const size = magnitude(of.middle) >> BigInt(scale.bits)
  const extra = guard + (size === 0n ? 0 : size.toString(16).length * 4)
  const wide = { ...scale, bits: scale.bits + extra }
  const quarter = pi(wide).middle >> 1n
  const turned = of.middle << BigInt(extra)
  const turns = rounded(turned, quarter)
  const argument = turned - turns * quarter
  const square = -((argument * argument) >> BigInt(wide.bits))
  const unit = 1n << BigInt(wide.bits)
  const radius = of.radius + 3n
  const ball = (value: bigint): Ball => kept({ middle: value >> BigInt(extra), radius }, scale)
  const sine = ball(taylor(square, argument, 2n, 2n, wide))
  const cosine = ball(taylor(square, unit, 1n, 2n, wide))
  const side = ((turns % 4n) + 4n) % 4n
  if (side === 0n) return [sine, cosine]
  if (side === 1n) return [cosine, opposite(sine)]
  return side === 2n ? [opposite(sine), opposite(cosine)] : [opposite(cosine), sine]
}

export function arcTangent(of: Ball, scale: Scale): Ball {
  const wide = { ...scale, bits: scale.bits + guard }
  const unit: Ball = { middle: 1n << BigInt(wide.bits), radius: 0n }
  const wider: Ball = { middle: of.middle << BigInt(guard), radius: of.radius << BigInt(guard) }
  const large = magnitude(of.middle) >> BigInt(scale.bits) >= 1n
  let t = large ? dividedBy(unit, wider, wide) : wider
  // atan t = 2 atan(t / (1 + sqrt(1 + t^2))), four times.
  for (let i = 0; i < 4; i++) {
    const under = rootOf(plus(unit, clamped(times(t, t, wide))), 2, wide)
    t = dividedBy(t, plus(unit, under), wide)
  }
  const middle = alternating(t.middle, -1n, wide) << 4n
  const small: Ball = { middle, radius: 16n * t.radius + BigInt(wide.bits) * 16n }
  if (!large) return narrowed(small)
  const quarter = pi(wide)
  const side = {
    middle: of.middle < 0n ? -quarter.middle >> 1n : quarter.middle >> 1n,
    radius: quarter.radius + 1n,
  }
  return narrowed({ middle: side.middle - small.middle, radius: side.radius + small.radius })
}

const narrowed = ({ middle, radius }: Ball): Ball => ({
  middle: middle >> BigInt(guard),
  radius: (radius >> BigInt(guard)) + 2n,
})

const clamped = (of: Ball): Ball => (of.middle < 0n ? { ...of, middle: 0n } : of)

/** sum of first * x^k / ((s)(s+1)...), where each term takes `stride` more factors: exp with stride 1, cos and sin with 2. */
function taylor(x: bigint, first: bigint, start: bigint, stride: bigint, { bits, budget }: Scale): bigint {
  const shift = BigInt(bits)
  let [sum, term, n] = [0n, first, start]
  while (term > 1n || term < -1n) {
    budget.spend(bits)
    sum += term
    term = ((term * x) >> shift) / (stride === 1n ? n : n * (n + 1n))
    n += stride
  }
  return sum
}

/** t + s t^3/3 + t^5/5 + ..., s = 1 for atanh, -1 for atan with alternating signs. */
function alternating(t: bigint, sign: bigint, { bits, budget }: Scale): bigint {
  const shift = BigInt(bits)
  const square = (t * t) >> shift
  let [sum, term, n] = [0n, t, 1n]
  while (term > 1n || term < -1n) {
    budget.spend(bits)
    sum += term / n
    term = sign * ((term * square) >> shift)
    n += 2n
  }
  return sum
}

/** 2^bits * atan(1/of). */
function inverseTangent(of: bigint, bits: number): bigint {
  let [sum, term, n] = [0n, (1n << BigInt(bits)) / of, 1n]
  for (let sign = 1n; term > 0n; sign = -sign) {
    sum += (sign * term) / n
    term /= of * of
    n += 2n
  }
  return sum
}

/** Nearest whole number to a/b, b positive. */
const rounded = (a: bigint, b: bigint): bigint => {
  const doubled = 2n * a + b
  const under = 2n * b
  return doubled >= 0n ? doubled / under : -((-doubled + under - 1n) / under)
}

/** A constant kept for every number of bits asked for so far; few are. */
function constantOf(compute: (bits: number) => bigint): (scale: Scale) => Ball {
  const known = new Map<number, bigint>()
  return ({ bits, budget }) => {
    budget.spend(bits)
    let middle = known.get(bits)
    if (middle === undefined) {
      middle = compute(bits + guard) >> BigInt(guard)
      if (known.size > 64) known.clear()
      known.set(bits, middle)
    }
    return { middle, radius: 2n }
  }
}
