import type { Rational } from '../rational.ts'
import { reduced } from '../rational.ts'
import { NotJudged } from './not-judged.ts'

/** A piece of an answer. `spaced`: white space stood before it. */
export type Token = { readonly spaced: boolean } & (
  | {
      readonly kind: 'number'
      readonly value: Rational
      /** As written, without separators. */
      readonly digits: string
      /** Digits behind the point; null of a whole number, and of one that repeats. */
      readonly places: number | null
      /** Of 101_2; null if none is written. */
      readonly base: number | null
    }
  | { readonly kind: 'letter'; readonly name: string }
  /** Several letters that are no name known here, or any in a text block. */
  | { readonly kind: 'word'; readonly text: string; readonly upright: boolean }
  /** A function, constant or layout command; `command` where it had a backslash. */
  | { readonly kind: 'name'; readonly name: string; readonly command: boolean }
  | { readonly kind: 'sign'; readonly sign: string }
)

export const isSign = (token: Token | undefined, ...signs: readonly string[]): boolean =>
  token?.kind === 'sign' && signs.includes(token.sign)
export const isName = (token: Token | undefined, ...names: readonly string[]): boolean =>
  token?.kind === 'name' && names.includes(token.name)

/** Most tokens of an answer. */
const most = 400

const functions =
  'sqrt sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp abs binom frac pi infty le ge pm mp'
const names = new Set(`${functions} ne cup cap in emptyset lfloor rfloor lceil rceil begin end`.split(' '))
/** Names known without a backslash too, and what they are called here. */
const plainNames = new Map<string, string>([
  ...'sqrt sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp abs pi binom'
    .split(' ')
    .map((name) => [name, name] as const),
  ...(
    [
      ['asin', 'arcsin'],
      ['acos', 'arccos'],
      ['atan', 'arctan'],
      ['infinity', 'infty'],
      ['inf', 'infty'],
      ['infty', 'infty'],
      ['union', 'cup'],
    ] as const
  ).values(),
])
const greek = new Set(
  (
    'alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau ' +
    'upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell'
  ).split(' '),
)
const signs = '+-*/^!=<>()[]|,;:%°¤€£&'

/** Cleaned text in pieces. Commas inside brackets part numbers, unless `grouped`. */
export function tokenise(text: string, grouped: boolean): { tokens: Token[]; commas: boolean } {
  const tokens: Token[] = []
  const state = { depth: 0, commas: false }
  for (let at = 0; at < text.length;) {
    const spaced = text[at] === ' '
    if (spaced) at++
    const [token, length] = tokenAt(text, at, spaced, state, grouped)
    at += length
    if (isSign(token[0], '(', '[', '\\{')) state.depth++
    if (isSign(token[0], ')', ']', '\\}')) state.depth--
    tokens.push(...token)
    if (tokens.length > most) throw new NotJudged('it is too long')
  }
  return { tokens, commas: state.commas }
}

type State = { depth: number; commas: boolean }

function tokenAt(
  text: string,
  at: number,
  spaced: boolean,
  state: State,
  grouped: boolean,
): readonly [readonly Token[], number] {
  const rest = text.slice(at)
  const first = rest[0] as string
  if (/[\d.]/.test(first)) return numberAt(rest, spaced, state, grouped)
  if (first === '"') {
    const content = /^"([^"]*)"?/.exec(rest) as RegExpExecArray
    return [wordsOf(content[1] ?? ''), content[0].length]
  }
  if (first === '\\') return commandAt(rest, spaced)
  const run = /^\p{L}+/u.exec(rest)?.[0]
  if (run !== undefined) {
    const plain = plainNames.get(run.toLowerCase())
    if (plain !== undefined && run.length > 1)
      return [[{ kind: 'name', name: plain, command: false, spaced }], run.length]
    if (run.length === 1) return letterAt(rest, run, 1, spaced)
    if (greek.has(run)) return letterAt(rest, run, run.length, spaced)
    return [[{ kind: 'word', text: run, upright: false, spaced }], run.length]
  }
  if (first === '{' || first === '}' || first === '_' || signs.includes(first))
    return [[{ kind: 'sign', sign: first, spaced }], 1]
  throw new NotJudged(`${JSON.stringify(first)} in it is not read`)
}

/** A letter with its index, which belongs to its name. */
function letterAt(
  rest: string,
  name: string,
  length: number,
  spaced: boolean,
): readonly [readonly Token[], number] {
  const index = /^\s?_\s?(?:\{\s?(\w{1,9})\s?\}|(\w))/.exec(rest.slice(length))
  const whole = index === null ? name : `${name}_${index[1] ?? index[2] ?? ''}`
  return [[{ kind: 'letter', name: whole, spaced }], length + (index?.[0].length ?? 0)]
}

function commandAt(rest: string, spaced: boolean): readonly [readonly Token[], number] {
  const name = /^\\([a-zA-Z]+)/.exec(rest)?.[1]
  if (name === undefined) {
    const sign = rest.slice(0, 2)
    if (sign === '\\{' || sign === '\\}' || sign === '\\\\') return [[{ kind: 'sign', sign, spaced }], 2]
    throw new NotJudged(`${JSON.stringify(sign)} in it is not read`)
  }
  if (greek.has(name)) return letterAt(rest, name, name.length + 1, spaced)
  if (!names.has(name)) throw new NotJudged(`\\${name} is not read`)
  return [[{ kind: 'name', name, command: true, spaced }], name.length + 1]
}

/** Words and numbers of a text block. */
function wordsOf(content: string): Token[] {
  const pieces = content.match(/\p{L}[\p{L}'.]*|\d+|[^\s\p{L}\d]/gu) ?? []
  return pieces.map((piece): Token => {
    if (/^\p{L}/u.test(piece))
      return { kind: 'word', text: piece.replace(/\.$/, ''), upright: true, spaced: true }
    if (/^\d/.test(piece)) return numberToken(piece, piece, null, true)
    if (!signs.includes(piece)) throw new NotJudged(`${JSON.stringify(piece)} in it is not read`)
    return { kind: 'sign', sign: piece, spaced: true }
  })
}

const withCommas = /^[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)/

function numberAt(
  rest: string,
  spaced: boolean,
  state: State,
  grouped: boolean,
): readonly [readonly Token[], number] {
  const commas = withCommas.exec(rest)?.[0]
  if (commas !== undefined && state.depth > 0) state.commas = true
  const front =
    commas !== undefined && (state.depth === 0 || grouped) ? commas : (/^\d*/.exec(rest)?.[0] ?? '')
  const behind = /^\.(\d*)(?:\\overline\{(\d{1,40})\})?/.exec(rest.slice(front.length))
  const fraction = behind?.[1] ?? ''
  const repeating = behind?.[2]
  if (front === '' && fraction === '' && repeating === undefined)
    throw new NotJudged('a point in it stands alone')
  let length = front.length + (behind?.[0].length ?? 0)
  const whole = front.replaceAll(',', '')
  let digits = fraction === '' ? whole : `${whole}.${fraction}`
  const exponent =
    repeating === undefined ? /^[eE]([+-]?\d{1,4})(?![\d.a-zA-Z])/.exec(rest.slice(length)) : null
  if (exponent !== null) {
    length += exponent[0].length
    digits += `e${exponent[1] as string}`
  }
  if (/^\.\d/.test(rest.slice(length))) throw new NotJudged('a number in it has two points')
  const base = /^\s?_\s?(?:\{\s?(\d{1,2})\s?\}|(\d))/.exec(rest.slice(length))
  if (base !== null) {
    const radix = Number(base[1] ?? base[2])
    return [[inBase(whole, fraction, radix, spaced)], length + base[0].length]
  }
  if (repeating === undefined)
    return [[numberToken(digits, whole + fraction, exponent?.[1] ?? null, spaced)], length]
  return [[repeatingToken(whole, fraction, repeating, spaced)], length]
}

function numberToken(digits: string, units: string, exponent: string | null, spaced: boolean): Token {
  const behind = digits.split('e')[0]?.split('.')[1]?.length ?? 0
  const shift = Number(exponent ?? '0') - behind
  if (Math.abs(shift) > 400) throw new NotJudged('a number in it is too large')
  const scale = 10n ** BigInt(Math.abs(shift))
  const value = shift >= 0 ? reduced(BigInt(units) * scale, 1n) : reduced(BigInt(units), scale)
  return { kind: 'number', value, digits, places: behind === 0 ? null : behind, base: null, spaced }
}

/** 0.1\overline{6} is (16 - 1) / 90. */
function repeatingToken(whole: string, fraction: string, repeating: string, spaced: boolean): Token {
  const under = (10n ** BigInt(repeating.length) - 1n) * 10n ** BigInt(fraction.length)
  const over = BigInt(whole + fraction + repeating) - BigInt(whole + fraction || '0')
  return { kind: 'number', value: reduced(over, under), digits: '', places: null, base: null, spaced }
}

function inBase(whole: string, fraction: string, base: number, spaced: boolean): Token {
  if (fraction !== '' || base < 2 || base > 36) throw new NotJudged('a base in it is not read')
  let value = 0n
  for (const digit of whole) {
    if (Number(digit) >= base) throw new NotJudged(`${whole} is no number in base ${base}`)
    value = value * BigInt(base) + BigInt(digit)
  }
  return { kind: 'number', value: reduced(value, 1n), digits: whole, places: null, base, spaced }
}
