// Kernels of a decoder step, AssemblyScript with plain f32x4 SIMD. Relaxed SIMD is left out on purpose: its results
// differ between processors. Every row is computed alone and in the same order whatever stands beside it in the
// batch, so a sequence's numbers do not depend on its company.

// @ts-nocheck (compiled by asc, not by tsc)

/** Bytes of so many floats. */
// @ts-ignore: decorator
@inline
function floats(count: i32): usize {
  return (<usize>count) << 2
}

/** out[r, o] (+)= sum_i x[r, i] * w[i, o] + bias[o]; x [rows, n], out [rows, m], m a multiple of 8. w lies in tiles of 8
 *  outputs, [m / 8, n, 8]: a tile stays in the first cache while all rows pass over it. */
export function dense(x: usize, w: usize, bias: usize, out: usize, rows: i32, n: i32, m: i32, add: bool): void {
  const xs = floats(n)
  const os = floats(m)
  for (let at: usize = 0; at < os; at += 32) {
    let r = 0
    let from = x
    let to = out + at
    for (; r + 4 <= rows; r += 4) {
      denseFour(from, w, bias, to, xs, os, at, add)
      from += xs << 2
      to += os << 2
    }
    for (; r < rows; r++) {
      denseOne(from, w, bias, to, xs, at, add)
      from += xs
      to += os
    }
    w += xs << 3
  }
}

// @ts-ignore: decorator
@inline
function denseFour(x: usize, w: usize, bias: usize, out: usize, xs: usize, os: usize, at: usize, add: bool): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0
  const x1 = x + xs
  const x2 = x1 + xs
  const x3 = x2 + xs
  for (let i: usize = 0; i < xs; i += 4) {
    const weight = w + (i << 3)
    const w0 = v128.load(weight)
    const w1 = v128.load(weight, 16)
    let s = v128.load32_splat(x + i)
    a0 = f32x4.add(a0, f32x4.mul(s, w0))
    a1 = f32x4.add(a1, f32x4.mul(s, w1))
    s = v128.load32_splat(x1 + i)
    b0 = f32x4.add(b0, f32x4.mul(s, w0))
    b1 = f32x4.add(b1, f32x4.mul(s, w1))
    s = v128.load32_splat(x2 + i)
    c0 = f32x4.add(c0, f32x4.mul(s, w0))
    c1 = f32x4.add(c1, f32x4.mul(s, w1))
    s = v128.load32_splat(x3 + i)
    d0 = f32x4.add(d0, f32x4.mul(s, w0))
    d1 = f32x4.add(d1, f32x4.mul(s, w1))
  }
  store(out, a0, a1, bias, at, add)
  store(out + os, b0, b1, bias, at, add)
  store(out + (os << 1), c0, c1, bias, at, add)
  store(out + (os << 1) + os, d0, d1, bias, at, add)
}

// @ts-ignore: decorator
@inline
function denseOne(x: usize, w: usize, bias: usize, out: usize, xs: usize, at: usize, add: bool): void {
  let a0 = f32x4.splat(0), a1 = a0
  for (let i: usize = 0; i < xs; i += 4) {
    const s = v128.load32_splat(x + i)
    const weight = w + (i << 3)
    a0 = f32x4.add(a0, f32x4.mul(s, v128.load(weight)))
    a1 = f32x4.add(a1, f32x4.mul(s, v128.load(weight, 16)))
  }
  store(out, a0, a1, bias, at, add)
}

// @ts-ignore: decorator
@inline
function store(out: usize, v0: v128, v1: v128, bias: usize, at: usize, add: bool): void {
  if (bias != 0) {
    v0 = f32x4.add(v0, v128.load(bias + at))
    v1 = f32x4.add(v1, v128.load(bias + at, 16))
  }
  if (add) {
    v0 = f32x4.add(v0, v128.load(out))
    v1 = f32x4.add(v1, v128.load(out, 16))
  }
  v128.store(out, v0)
  v128.store(out, v1, 16)
}

/** out[r] = x[r] / rms(x[r]) * gain, d a multiple of 4. */
export function rmsNorm(x: usize, gain: usize, out: usize, rows: i32, d: i32, epsilon: f32): void {
  const bytes = floats(d)
  for (let r = 0; r < rows; r++) {
    const scale = f32x4.splat(<f32>1 / Mathf.sqrt(dot(x, x, bytes) / <f32>d + epsilon))
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(out + i, f32x4.mul(f32x4.mul(v128.load(x + i), scale), v128.load(gain + i)))
    }
    x += bytes
    out += bytes
  }
}

/** Rotate-half RoPE in place over x [rows, heads, dim]; cos and sin are [positions, rotary / 2]; `stride` is in floats. */
export function rope(x: usize, positions: usize, cos: usize, sin: usize, rows: i32, heads: i32, dim: i32, rotary: i32, stride: i32): void {
  const half = rotary >> 1
  for (let r = 0; r < rows; r++) {
    const angle = floats(load<i32>(positions + floats(r)) * half)
    for (let h = 0; h < heads; h++) {
      const at = x + floats(r * stride + h * dim)
      for (let i = 0; i < half; i++) {
        const j = floats(i)
        const c = load<f32>(cos + angle + j)
        const s = load<f32>(sin + angle + j)
        const a = load<f32>(at + j)
        const b = load<f32>(at + j + floats(half))
        store_(at + j, a * c - b * s)
        store_(at + j + floats(half), b * c + a * s)
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function store_(at: usize, value: f32): void {
  f32.store(at, value)
}

/** gate = silu(gate) * up over n floats, n a multiple of 4. */
export function swiGlu(gate: usize, up: usize, n: i32): void {
  const bytes = floats(n)
  const one = f32x4.splat(1)
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = v128.load(gate + i)
    const silu = f32x4.div(g, f32x4.add(one, exp(f32x4.neg(g))))
    v128.store(gate + i, f32x4.mul(silu, v128.load(up + i)))
  }
}

/** One query row against two runs of keys and values: the prompt's (shared) and the sequence's own.
 *  Keys and values are [positions, kvHeads * dim]; q and out [heads * dim]; scores is room for both runs. */
export function attend(
  q: usize, out: usize, scores: usize,
  keys1: usize, values1: usize, count1: i32,
  keys2: usize, values2: usize, count2: i32,
  heads: i32, kvHeads: i32, dim: i32,
): void {
  const share = heads / kvHeads
  const stride = floats(kvHeads * dim)
  const bytes = floats(dim)
  const scale: f32 = <f32>1 / Mathf.sqrt(<f32>dim)
  const count = count1 + count2
  // Scores are padded to a multiple of 4 with what exp turns to 0.
  const padded = (count + 3) & ~3
  for (let h = 0; h < heads; h++) {
    const head = <usize>(h / share) * bytes
    const query = q + <usize>h * bytes
    let highest: f32 = -Infinity
    for (let i = 0; i < count; i++) {
      const key = i < count1 ? keys1 + <usize>i * stride : keys2 + <usize>(i - count1) * stride
      const score = dot(query, key + head, bytes) * scale
      highest = Mathf.max(highest, score)
      f32.store(scores + floats(i), score)
    }
    for (let i = count; i < padded; i++) f32.store(scores + floats(i), -Infinity)
    const top = f32x4.splat(highest)
    for (let i = 0; i < padded; i += 4) {
      const at = scores + floats(i)
      v128.store(at, exp(f32x4.sub(v128.load(at), top)))
    }
    let total: f32 = 0
    for (let i = 0; i < count; i++) total += f32.load(scores + floats(i))
    const target = out + <usize>h * bytes
    for (let j: usize = 0; j < bytes; j += 16) {
      let sum = f32x4.splat(0)
      let value = values1 + head + j
      for (let i = 0; i < count1; i++) {
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(scores + floats(i)), v128.load(value)))
        value += stride
      }
      value = values2 + head + j
      for (let i = count1; i < count; i++) {
        sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(scores + floats(i)), v128.load(value)))
        value += stride
      }
      v128.store(target + j, f32x4.div(sum, f32x4.splat(total)))
    }
  }
}

/** Sum of products of two runs of floats, `bytes` a multiple of 16. */
// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0)
  for (let i: usize = 0; i < bytes; i += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + i), v128.load(b + i)))
  return f32x4.extract_lane(sum, 0) + f32x4.extract_lane(sum, 1) + (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3))
}

/** exp of four floats: 2^n times a degree-6 polynomial on [-ln2/2, ln2/2]; relative error below 2e-7, 0 below -87. */
// @ts-ignore: decorator
@inline
function exp(x: v128): v128 {
  const clamped = f32x4.min(f32x4.max(x, f32x4.splat(-87.3)), f32x4.splat(88))
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.44269504088896341)))
  // ln 2 in two parts (Cody and Waite)
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)))
  let p = f32x4.splat(1 / 720.0)
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1 / 120.0))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1 / 24.0))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1 / 6.0))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  const value = f32x4.mul(p, power)
  return v128.and(value, f32x4.gt(x, f32x4.splat(-87.3)))
}
