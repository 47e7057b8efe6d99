import type { Answer, Interval, Quantity } from './answer.ts'
import { cleaned } from './clean.ts'
import { constant, type Expression, lettersOf, negative, nodesOf, numeral } from './expression.ts'
import * as exact from './exact.ts'
import { formulaOf } from './formula.ts'
import { lettersIn } from './letters.ts'
import { matrixAt } from './matrix.ts'
import { NotJudged } from './not-judged.ts'
import { partedBy, pieces, wrapped } from './parts.ts'
import { isName, isSign, type Token, tokenise } from './tokens.ts'
import { unitNamed } from './units.ts'

/** Choices between two ways to read a text. The first of each is the usual one. */
export interface Choices {
  /** 1/2x is 1/(2x). */
  readonly tight: boolean
  /** (1,234) holds one number. */
  readonly grouped: boolean
  /** m in 5 m is the metre. */
  readonly letterUnit: boolean
}

/** An answer, and which choices it hangs on. */
export interface Read {
  readonly answer: Answer
  readonly hangsOn: ReadonlySet<keyof Choices>
}

interface Reader {
  readonly choices: Choices
  readonly hangsOn: Set<keyof Choices>
  depth: number
}

const usual: Choices = { tight: false, grouped: false, letterUnit: false }

/** Deepest nesting of tuples, sets and lists. */
const deepest = 6

/** Reads a whole answer; throws {@link NotJudged} with the reason where it cannot. */
export function readAnswer(text: string, choices: Choices = usual): Read {
  const plain = cleaned(text)
  if (plain === null) throw new NotJudged('it is too long')
  const { tokens, commas } = tokenise(plain, choices.grouped)
  if (tokens.length === 0) throw new NotJudged('it is empty')
  const reader: Reader = { choices, hangsOn: new Set(commas ? ['grouped'] : []), depth: 0 }
  return { answer: answerOf(tokens, reader), hangsOn: reader.hangsOn }
}

function answerOf(tokens: readonly Token[], reader: Reader): Answer {
  if (++reader.depth > deepest) throw new NotJudged('it is nested too deeply')
  const answer = structureOf(tokens, reader)
  reader.depth--
  return answer
}

function structureOf(tokens: readonly Token[], reader: Reader): Answer {
  if (isText(tokens)) return { kind: 'text', text: textOf(tokens) }
  const members = partedBy(tokens, (token) => isSeparator(token))
  if (members.length > 1) return listOf(members, reader)
  const sides = partedBy(tokens, (token) => isSign(token, '='))
  if (sides.length > 1) return equationOf(sides, reader)
  if (pieces(tokens).some(({ depth, token }) => depth === 0 && isRelation(token)))
    return inequalityOf(tokens, reader)
  const [name, inside, ...rest] = partedBy(tokens, (token) => isName(token, 'in'))
  if (inside !== undefined && rest.length === 0 && name?.length === 1) return answerOf(inside, reader)
  const union = partedBy(tokens, (token) => isName(token, 'cup'))
  if (union.length > 1) return unionOf(union, reader)
  const ratio = partedBy(tokens, (token) => isSign(token, ':'))
  if (ratio.length > 1) return { kind: 'ratio', parts: ratio.map((part) => answerOf(part, reader)) }
  const rows = matrixAt(tokens)
  if (rows !== null)
    return { kind: 'matrix', rows: rows.map((row) => row.map((cell) => answerOf(cell, reader))) }
  return bracketsOf(tokens, reader) ?? quantityOf(tokens, reader)
}

const isSeparator = (token: Token): boolean =>
  isSign(token, ',', ';') || (token.kind === 'word' && /^(?:and|or)$/i.test(token.text)) || isSign(token, '&')
const isRelation = (token: Token): boolean => isSign(token, '<', '>') || isName(token, 'le', 'ge')

/** Words, and no product of letters: xy is one, xy zx is none. */
function isText(tokens: readonly Token[]): boolean {
  const words = tokens.filter((token) => token.kind === 'word')
  const rest = tokens.filter(
    (token) =>
      token.kind !== 'word' && token.kind !== 'letter' && !isSign(token, '-', ',', '(', ')', '{', '}'),
  )
  const joins = words.every((token) => /^(?:and|or)$/i.test(token.text))
  const letters =
    words.length > 1 ||
    words.some(
      ({ upright, text }) => upright || text.length > 3 || /[A-Z]/.test(text) || commonWords.has(text),
    )
  if (isSign(tokens[0], '-')) return false
  return words.length > 0 && rest.length === 0 && !joins && letters && numberWord(tokens) === null
}
const commonWords = new Set('yes no odd day one two six ten not all any'.split(' '))

const textOf = (tokens: readonly Token[]): string =>
  tokens
    .map((token) => (token.kind === 'word' ? token.text : token.kind === 'letter' ? token.name : ' '))
    .join(' ')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()

function listOf(members: readonly (readonly Token[])[], reader: Reader): Answer {
  const parts = members
    .filter((member) => member.length > 0)
    .flatMap((member) => flat(answerOf(member, reader), 'list'))
  if (parts.length < 2 || members.filter((member) => member.length === 0).length > 1)
    throw new NotJudged('a part of it is empty')
  if (parts.some(({ kind }) => kind === 'text') && !parts.every(({ kind }) => kind === 'text'))
    throw new NotJudged('a part of it is words')
  return { kind: 'list', parts }
}

/** 1 \pm 2 inside a list is two of its members. */
const flat = (answer: Answer, kind: 'list'): readonly Answer[] =>
  answer.kind === kind ? answer.parts : [answer]

function equationOf(sides: readonly (readonly Token[])[], reader: Reader): Answer {
  const name = nameOf(sides[0] as readonly Token[])
  const values = name === null ? sides : sides.slice(1)
  if (name !== null) {
    // x = 6/2 = 3 states the last; whether the others agree is not looked at.
    if (values.length > 1) throw new NotJudged('it states several equalities')
    return { kind: 'named', name, value: answerOf(values[0] as readonly Token[], reader) }
  }
  if (values.length > 2) throw new NotJudged('it states several equalities')
  const [left, right] = values.map((side) => formula(side, reader)) as [Expression, Expression]
  return { kind: 'equation', left, right }
}

/** x, x_1, f(x), or words: what stands on the left of a definition; null if it is a formula. */
function nameOf(tokens: readonly Token[]): string | null {
  const [first, open, argument, close] = tokens
  if (tokens.length === 1 && first?.kind === 'letter' && first.name !== 'e' && first.name !== 'i')
    return first.name
  if (
    tokens.length === 4 &&
    first?.kind === 'letter' &&
    argument?.kind === 'letter' &&
    isSign(open, '(') &&
    isSign(close, ')')
  )
    return `${first.name}(${argument.name})`
  return isText(tokens) ? textOf(tokens) : null
}

/** a < x <= b and its kin as intervals. */
function inequalityOf(tokens: readonly Token[], reader: Reader): Answer {
  const relations = pieces(tokens)
    .filter(({ depth, token }) => depth === 0 && isRelation(token))
    .map(({ token }) => token)
  const sides = partedBy(tokens, isRelation).map((side) => formula(side, reader))
  const [first, second, third] = sides
  const up = relations.map((token) => isSign(token, '<') || isName(token, 'le'))
  const strict = relations.map((token) => isSign(token, '<', '>'))
  const endless = constant('infinity')
  const interval = (of: Expression | undefined, parts: Interval): Answer => {
    if (of?.kind !== 'letter') throw new NotJudged('it is an inequality of no single letter')
    if ([parts.low, parts.high].some((end) => lettersOf(end).has(of.name)))
      throw new NotJudged('it is an inequality that is not solved')
    return { kind: 'intervals', of: of.name, parts: [parts] }
  }
  if (sides.length === 2 && first !== undefined && second !== undefined) {
    const [letterFirst, bound] = first.kind === 'letter' ? [true, second] : [false, first]
    const below = up[0] === letterFirst
    const closed = strict[0] === false
    return interval(letterFirst ? first : second, {
      ...(below ? { low: negative(endless), high: bound } : { low: bound, high: endless }),
      ...{ withLow: !below && closed, withHigh: below && closed },
    })
  }
  if (sides.length !== 3 || up[0] !== up[1]) throw new NotJudged('it is an inequality of another form')
  const [low, high] = up[0] === true ? [first, third] : [third, first]
  const [withLow, withHigh] = up[0] === true ? [!strict[0], !strict[1]] : [!strict[1], !strict[0]]
  return interval(second, { low: low as Expression, high: high as Expression, withLow, withHigh })
}

function unionOf(members: readonly (readonly Token[])[], reader: Reader): Answer {
  const parts = members.flatMap((member) => {
    const answer = answerOf(member, reader)
    const intervals = intervalsOf(answer)
    if (intervals === null) throw new NotJudged('it is a union of other things than intervals')
    return intervals
  })
  return { kind: 'intervals', of: null, parts }
}

/** The intervals an answer may mean; null if it is nothing of the kind. A set is points, closed on both sides. */
export function intervalsOf(answer: Answer): readonly Interval[] | null {
  if (answer.kind === 'intervals') return answer.parts
  if (answer.kind === 'set') {
    const points = answer.parts.map((part) =>
      part.kind === 'quantity' && part.unit === null ? part.formula : null,
    )
    if (points.includes(null)) return null
    return points.map((at) => ({
      low: at as Expression,
      high: at as Expression,
      withLow: true,
      withHigh: true,
    }))
  }
  if (answer.kind !== 'tuple' || answer.parts.length !== 2) return null
  const [low, high] = answer.parts
  if (low?.kind !== 'quantity' || high?.kind !== 'quantity') return null
  const { open, close } = answer
  return [{ low: low.formula, high: high.formula, withLow: open === '[', withHigh: close === ']' }]
}

/** Tuples, intervals and sets: what brackets hold that reach round everything. */
function bracketsOf(tokens: readonly Token[], reader: Reader): Answer | null {
  if (tokens.length === 1 && isName(tokens[0], 'emptyset')) return { kind: 'set', parts: [] }
  const inside = wrapped(tokens)
  if (inside === null) return null
  const { open, close, tokens: inner } = inside
  const members = partedBy(inner, (token) => isSign(token, ',', ';'))
  if (open === '\\{' && close === '\\}') {
    if (inner.length === 0) return { kind: 'set', parts: [] }
    return { kind: 'set', parts: members.flatMap((member) => flat(answerOf(member, reader), 'list')) }
  }
  if (open === '\\{' || close === '\\}' || open === '{')
    return open === '{' && close === '}' ? answerOf(inner, reader) : null
  if (members.length > 1) {
    const parts = members.map((member) => answerOf(member, reader))
    return { kind: 'tuple', open: open as '(' | '[', close: close as ')' | ']', parts }
  }
  if (open !== '(' || close !== ')') return null
  // (5), (B) and (x = 2): the brackets say nothing.
  return answerOf(inner, reader)
}

/** A formula with the unit or currency round it; two of them where it holds \pm. */
function quantityOf(tokens: readonly Token[], reader: Reader): Answer {
  const currency = tokens.find((token) => isSign(token, '¤', '€', '£'))
  const bare = currency === undefined ? tokens : withoutCurrency(tokens)
  const { front, words } = unitBehind(bare, reader)
  const unit = words.length > 0 ? unitNamed(words) : null
  if (words.length > 0 && unit === null) throw new NotJudged('words stand behind it that are no unit')
  const money = currency?.kind === 'sign' ? unitNamed([currency.sign]) : null
  if (money !== null && unit !== null && !unit.measure.startsWith(money.measure.slice(0, 4)))
    throw new NotJudged('it has two units')
  const [only] = front
  const isDecimal = front.length <= 2 && front.at(-1)?.kind === 'number'
  const number = front.at(-1)
  const quantity = (of: Expression): Quantity => ({
    kind: 'quantity',
    formula: of,
    unit: unit ?? money,
    places: isDecimal && number?.kind === 'number' ? number.places : null,
    base: front.length === 1 && only?.kind === 'number' ? only.base : null,
  })
  if (front.length > 1 && front.some((token) => token.kind === 'number' && token.base !== null))
    throw new NotJudged('a base in it is not read')
  const signs = front.filter((token) => isName(token, 'pm', 'mp'))
  if (signs.length === 0) return quantity(numberWord(front) ?? formula(front, reader))
  if (['pm', 'mp'].some((name) => signs.filter((token) => isName(token, name)).length > 1))
    throw new NotJudged('it has several signs of plus or minus')
  const both = ([1, -1] as const).map((sign) => quantity(formula(front, reader, sign)))
  return { kind: 'list', parts: both }
}

function formula(tokens: readonly Token[], { choices, hangsOn }: Reader, plusMinus: 1 | -1 = 1): Expression {
  const { formula: found, loose } = formulaOf(tokens, { tight: choices.tight, plusMinus })
  if (loose) hangsOn.add('tight')
  if (nodesOf(found).length > 1 && found.kind !== 'product' && nodesOf(found).some(isInfinite))
    throw new NotJudged('it calculates with infinity')
  return found
}

const isInfinite = (node: Expression): boolean => node.kind === 'constant' && node.name === 'infinity'

/** A currency sign stands before its number, or before or behind its minus. */
function withoutCurrency(tokens: readonly Token[]): readonly Token[] {
  const at = tokens.findIndex((token) => isSign(token, '¤', '€', '£'))
  const rest = tokens.filter((_, i) => i !== at)
  if (rest.some((token) => isSign(token, '¤', '€', '£'))) throw new NotJudged('it has two currency signs')
  const isFront = at === 0 || (at === 1 && isSign(tokens[0], '-')) || at === tokens.length - 1
  if (!isFront) throw new NotJudged('a currency sign stands inside it')
  return rest
}

/** The words, signs of degrees and per cent at the end, and what stands before them. */
function unitBehind(tokens: readonly Token[], reader: Reader): { front: readonly Token[]; words: string[] } {
  const words: string[] = []
  let end = tokens.length
  for (let taken = unitEnding(tokens, end, words); taken !== null; taken = unitEnding(tokens, end, words)) {
    words.unshift(taken.word)
    end -= taken.tokens
  }
  const [last, before] = [tokens[end - 1], tokens[end - 2]]
  if (words.length > 0 || last === undefined) return { front: tokens.slice(0, end), words }
  // °C and °F are temperatures.
  if (last.kind === 'letter' && isSign(before, '°') && /^[CF]$/.test(last.name))
    return { front: tokens.slice(0, end - 2), words: [`°${last.name}`] }
  // A letter or a few behind a number may be a unit.
  const name =
    last.kind === 'letter' && /^[mgshLl]$/.test(last.name)
      ? last.name
      : last.kind === 'word'
        ? last.text
        : null
  if (name === null || !last.spaced || before?.kind !== 'number') return { front: tokens, words }
  reader.hangsOn.add('letterUnit')
  return reader.choices.letterUnit
    ? { front: tokens.slice(0, end - 1), words: [name] }
    : { front: tokens, words }
}

const angles = new Set('sin cos tan cot sec csc'.split(' '))

/** The last piece of a unit that ends there, and how many tokens it has; null if there is none. */
function unitEnding(
  tokens: readonly Token[],
  end: number,
  words: readonly string[],
): { readonly word: string; readonly tokens: number } | null {
  if (end < 2) return null
  const last = tokens[end - 1]
  const isUnit = (token: Token | undefined): boolean => token?.kind === 'word' && lettersIn(token) === null
  if (last?.kind === 'word') return isUnit(last) ? { word: last.text, tokens: 1 } : null
  if (isSign(last, '%')) return { word: '%', tokens: 1 }
  // The degrees of sin 30° belong to its argument.
  if (isSign(last, '°')) {
    const isArgument = tokens.slice(0, end).some((token) => token.kind === 'name' && angles.has(token.name))
    return isArgument ? null : { word: '°', tokens: 1 }
  }
  if (isSign(last, '/')) return /^\p{L}/u.test(words[0] ?? '') ? { word: '/', tokens: 1 } : null
  const exponent = (token: Token | undefined): token is Token & { kind: 'number' } =>
    token?.kind === 'number' && /^[23]$/.test(token.digits)
  const [e, d, c, b] = tokens.slice(Math.max(0, end - 5), end - 1).reverse()
  if (exponent(last) && isSign(e, '^') && isUnit(d) && end > 3) return { word: `^${last.digits}`, tokens: 2 }
  if (isSign(last, '}') && exponent(e) && isSign(d, '{') && isSign(c, '^') && isUnit(b) && end > 5)
    return { word: `^${e.digits}`, tokens: 4 }
  return null
}

const numberWords = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ')

/** A number written as a word. */
function numberWord(tokens: readonly Token[]): Expression | null {
  const [only] = tokens
  if (tokens.length !== 1 || only?.kind !== 'word') return null
  const value = numberWords.indexOf(only.text.toLowerCase())
  return value < 0 ? null : numeral(exact.whole(value))
}
