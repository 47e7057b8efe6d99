import * as exact from './exact.ts'
import {
  call,
  constant,
  type Expression,
  type FunctionName,
  negative,
  numeral,
  power,
  product,
  quotient,
  root,
  sum,
} from './expression.ts'
import { type Cursor, expect, peek, type Reading, shown } from './cursor.ts'
import { letterOf, lettersIn } from './letters.ts'
import { NotJudged } from './not-judged.ts'
import { isName, isSign, type Token } from './tokens.ts'

/** Deepest nesting of brackets, roots and fractions. */
const deepest = 40

/** All tokens as one formula. `loose` tells that it depends on the reading. */
export function formulaOf(
  tokens: readonly Token[],
  reading: Reading,
): { readonly formula: Expression; readonly loose: boolean } {
  const cursor: Cursor = { tokens, reading, at: 0, depth: 0, bars: 0, loose: false }
  if (tokens.length === 0) throw new NotJudged('a part of it is empty')
  const formula = sumAt(cursor)
  if (cursor.at < tokens.length) throw new NotJudged(`it cannot be read beyond ${shown(tokens[cursor.at])}`)
  return { formula, loose: cursor.loose }
}

function sumAt(cursor: Cursor): Expression {
  if (++cursor.depth > deepest) throw new NotJudged('it is nested too deeply')
  const terms: Expression[] = []
  for (;;) {
    const sign = signAt(cursor)
    if (sign === null && terms.length > 0) break
    const term = productAt(cursor)
    terms.push((sign ?? 1) < 0 ? negative(term) : term)
  }
  cursor.depth--
  return sum(...terms)
}

/** + - \pm \mp, taken; null if something else comes. */
function signAt(cursor: Cursor): number | null {
  const next = peek(cursor)
  let sign: number
  if (isSign(next, '+')) sign = 1
  else if (isSign(next, '-')) sign = -1
  else if (isName(next, 'pm')) sign = cursor.reading.plusMinus
  else if (isName(next, 'mp')) sign = -cursor.reading.plusMinus
  else return null
  cursor.at++
  return sign
}

function productAt(cursor: Cursor): Expression {
  let left = powerAt(cursor)
  for (;;) {
    if (isSign(peek(cursor), '*')) {
      cursor.at++
      left = product(left, signedPower(cursor))
    } else if (isSign(peek(cursor), '/')) {
      cursor.at++
      let under = signedPower(cursor)
      // What follows a denominator without a sign belongs to it or not.
      while (startsFactor(cursor)) {
        cursor.loose = true
        if (!cursor.reading.tight) break
        under = product(under, powerAt(cursor))
      }
      left = quotient(left, under)
    } else if (startsFactor(cursor)) left = product(left, powerAt(cursor))
    else return left
  }
}

/** A factor behind an operator may have a sign of its own, as in 3 * -2. */
function signedPower(cursor: Cursor): Expression {
  if (!isSign(peek(cursor), '-')) return powerAt(cursor)
  cursor.at++
  return negative(powerAt(cursor))
}

function startsFactor(cursor: Cursor): boolean {
  const next = peek(cursor)
  if (next === undefined) return false
  if (next.kind === 'letter') return true
  if (next.kind === 'word') return lettersIn(next) !== null
  if (next.kind === 'name') return factorNames.has(next.name)
  if (next.kind === 'number') {
    // 2 3 is no product; x2 and )2 are one in nobody's hand but a program's.
    throw new NotJudged('two numbers in it stand side by side')
  }
  return isSign(next, '(', '[', '{') || (isSign(next, '|') && cursor.bars === 0)
}

const calls = new Set('sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log'.split(' '))
const factorNames = new Set([...calls, 'sqrt', 'exp', 'abs', 'binom', 'frac', 'pi', 'lfloor', 'lceil'])

/** A factor with what is written behind it: exponent, factorial, degrees. */
function powerAt(cursor: Cursor): Expression {
  const first = peek(cursor)
  let base = primaryAt(cursor)
  for (;;) {
    if (isSign(peek(cursor), '!')) {
      cursor.at++
      if (isSign(peek(cursor), '!')) throw new NotJudged('a double factorial in it is not read')
      base = call('factorial', base)
    } else if (isSign(peek(cursor), '°')) {
      cursor.at++
      base = product(base, quotient(constant('pi'), numeral(exact.whole(180))))
    } else if (isSign(peek(cursor), '^')) {
      cursor.at++
      if (first?.kind === 'number' && first.base !== null) throw new NotJudged('a base in it is not read')
      base = power(base, exponentAt(cursor))
    } else return base
  }
}

/** {..}, or one factor with its sign; 2^3^2 is 2^(3^2). */
function exponentAt(cursor: Cursor): Expression {
  if (++cursor.depth > deepest) throw new NotJudged('it is nested too deeply')
  const sign = isSign(peek(cursor), '-') ? cursor.at++ : null
  let exponent = primaryAt(cursor)
  if (isSign(peek(cursor), '^')) {
    cursor.at++
    exponent = power(exponent, exponentAt(cursor))
  }
  cursor.depth--
  return sign === null ? exponent : negative(exponent)
}

function primaryAt(cursor: Cursor): Expression {
  const token = peek(cursor)
  cursor.at++
  if (token?.kind === 'number') return mixedAt(cursor, token)
  if (token?.kind === 'letter') return letterOf(token.name)
  if (token?.kind === 'word') {
    const letters = lettersIn(token)
    if (letters !== null) return wordAt(cursor, letters)
  }
  if (token?.kind === 'name') return namedAt(cursor, token)
  if (isSign(token, '(')) return closed(cursor, ')')
  if (isSign(token, '[')) return closed(cursor, ']')
  if (isSign(token, '{')) return closed(cursor, '}')
  if (isSign(token, '|')) {
    cursor.bars++
    const inner = sumAt(cursor)
    cursor.bars--
    expect(cursor, '|')
    return call('abs', inner)
  }
  throw new NotJudged(`it cannot be read beyond ${shown(token)}`)
}

/** The letters of xy: the exponent of xy^2 is that of y. */
function wordAt(cursor: Cursor, letters: readonly string[]): Expression {
  const factors = letters.map(letterOf)
  if (!isSign(peek(cursor), '^')) return product(...factors)
  cursor.at++
  const last = factors.pop() as Expression
  return product(...factors, power(last, exponentAt(cursor)))
}

/** A number, with a proper fraction behind it a mixed one: 2\frac{1}{2}, 2 1/2. */
function mixedAt(cursor: Cursor, token: Token & { kind: 'number' }): Expression {
  const plain = numeral(token.value)
  if (!/^\d+$/.test(token.digits) || token.base !== null) return plain
  const [next, slash, under] = cursor.tokens.slice(cursor.at, cursor.at + 3)
  if (next?.kind === 'number' && next.spaced && isSign(slash, '/') && under?.kind === 'number') {
    cursor.at += 3
    if (isSign(peek(cursor), '^', '!') || startsFactor(cursor))
      throw new NotJudged('a mixed number in it is not plain')
    return mixed(plain, numeral(next.value), numeral(under.value))
  }
  if (!isName(next, 'frac')) return plain
  const start = cursor.at
  cursor.at++
  const fraction = fractionAt(cursor)
  if (fraction.over.kind === 'number' && fraction.under.kind === 'number')
    return mixed(plain, fraction.over, fraction.under)
  cursor.at = start
  return plain
}

function mixed(front: Expression, over: Expression, under: Expression): Expression {
  const proper =
    over.kind === 'number' &&
    under.kind === 'number' &&
    exact.isWhole(over.value) &&
    exact.isWhole(under.value) &&
    over.value.numerator >= 0n &&
    over.value.numerator < under.value.numerator
  if (!proper) throw new NotJudged('a number in it stands before a fraction that is not proper')
  return sum(front, quotient(over, under))
}

function namedAt(cursor: Cursor, token: Token & { kind: 'name' }): Expression {
  switch (token.name) {
    case 'pi':
      return constant('pi')
    case 'infty':
      return constant('infinity')
    case 'frac': {
      const { over, under } = fractionAt(cursor)
      return quotient(over, under)
    }
    case 'binom':
      if (isSign(peek(cursor), '{')) return call('binomial', argumentAt(cursor), argumentAt(cursor))
      break
    case 'sqrt':
      return rootAt(cursor, token.command)
    case 'exp':
      return power(constant('e'), bracketed(cursor))
    case 'abs':
      return call('abs', bracketed(cursor))
    case 'lfloor':
      return closedByName(cursor, 'floor', 'rfloor')
    case 'lceil':
      return closedByName(cursor, 'ceil', 'rceil')
  }
  if (!calls.has(token.name)) throw new NotJudged(`${token.name} in it is not read`)
  return callAt(cursor, token.name as FunctionName)
}

/** \sqrt[3]{x}, sqrt(x), \sqrt2. */
function rootAt(cursor: Cursor, command: boolean): Expression {
  let degree = 2
  if (command && isSign(peek(cursor), '[')) {
    cursor.at++
    const token = peek(cursor)
    cursor.at++
    if (token?.kind !== 'number' || !/^\d\d?$/.test(token.digits))
      throw new NotJudged('a root in it has no plain degree')
    degree = Number(token.digits)
    if (degree < 2 || degree > 64) throw new NotJudged('a root in it has no plain degree')
    expect(cursor, ']')
  }
  return root(degree, argumentAt(cursor))
}

function fractionAt(cursor: Cursor): { over: Expression; under: Expression } {
  const next = peek(cursor)
  // \frac12 is one half.
  if (next?.kind === 'number' && /^\d\d$/.test(next.digits) && next.base === null) {
    cursor.at++
    const [over, under] = Array.from(next.digits).map((digit) => numeral(exact.whole(BigInt(digit)))) as [
      Expression,
      Expression,
    ]
    return { over, under }
  }
  return { over: argumentAt(cursor), under: argumentAt(cursor) }
}

/** What a command takes: a group, or one sign. A number of several digits would be cut by LaTeX and is not by people. */
function argumentAt(cursor: Cursor): Expression {
  const token = peek(cursor)
  cursor.at++
  if (isSign(token, '{')) return closed(cursor, '}')
  if (isSign(token, '(')) return closed(cursor, ')')
  if (token?.kind === 'number') {
    if (token.base !== null) throw new NotJudged('a base in it is not read')
    if (/^\d$/.test(token.digits) || /^sqrt$/.test(nameBefore(cursor))) return numeral(token.value)
    throw new NotJudged('a command in it takes a number without braces')
  }
  if (token?.kind === 'letter') return letterOf(token.name)
  if (isName(token, 'pi')) return constant('pi')
  if (isName(token, 'sqrt')) return rootAt(cursor, token?.kind === 'name' && token.command)
  throw new NotJudged(`it cannot be read beyond ${shown(token)}`)
}

/** Name of a plain, spaced command before the token just taken: sqrt 51 is the root of 51. */
function nameBefore(cursor: Cursor): string {
  const before = cursor.tokens[cursor.at - 2]
  return before?.kind === 'name' && !before.command ? before.name : ''
}

function callAt(cursor: Cursor, name: FunctionName): Expression {
  let base: Expression | null = null
  let exponent: Expression | null = null
  for (let next = peek(cursor); isSign(next, '_', '^'); next = peek(cursor)) {
    cursor.at++
    if (isSign(next, '^')) exponent = exponentAt(cursor)
    else if (name === 'log') base = argumentAt(cursor)
    else throw new NotJudged(`an index of ${name} is not read`)
  }
  const isInverse = exponent !== null && exponent.key === '-1/1'
  const of = bracketedOrProduct(cursor)
  if (isInverse && ['sin', 'cos', 'tan'].includes(name)) return call(`arc${name}` as FunctionName, of)
  if (isInverse) throw new NotJudged(`${name}^-1 in it can be read in two ways`)
  const value = base === null ? call(name, of) : quotient(call('ln', of), call('ln', base))
  return exponent === null ? value : power(value, exponent)
}

/** sin(x), sin{x}, or sin 2x: all factors up to an operator, a bracket or another function. */
function bracketedOrProduct(cursor: Cursor): Expression {
  if (isSign(peek(cursor), '(', '{', '[', '|')) return primaryAt(cursor)
  const factors = [signedPower(cursor)]
  for (let next = peek(cursor); next !== undefined; next = peek(cursor)) {
    const goes =
      next.kind === 'letter' ||
      isName(next, 'pi', 'frac', 'sqrt') ||
      (next.kind === 'word' && startsFactor(cursor))
    if (!goes) break
    factors.push(powerAt(cursor))
  }
  return product(...factors)
}

function bracketed(cursor: Cursor): Expression {
  if (!isSign(peek(cursor), '(', '{', '[')) throw new NotJudged('a function in it has no brackets')
  return primaryAt(cursor)
}

function closed(cursor: Cursor, sign: string): Expression {
  const bars = cursor.bars
  cursor.bars = 0
  const inner = sumAt(cursor)
  cursor.bars = bars
  expect(cursor, sign)
  return inner
}

function closedByName(cursor: Cursor, name: FunctionName, close: string): Expression {
  const inner = sumAt(cursor)
  if (!isName(peek(cursor), close)) throw new NotJudged(`it has no \\${close}`)
  cursor.at++
  return call(name, inner)
}
