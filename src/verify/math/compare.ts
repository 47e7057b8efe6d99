import type { Answer, Quantity } from './answer.ts'
import { type Context, every } from './context.ts'
import { sameEquation } from './equations.ts'
import { letter, product } from './expression.ts'
import { sameIntervals } from './intervals.ts'
import { NotJudged } from './not-judged.ts'
import { sameQuantity } from './quantities.ts'
import { intervalsOf } from './read.ts'

/** What any comparison costs, in bits of one multiplication: lists of 60 members in another order are within the budget. */
const comparison = 1000

/** Whether two answers say the same; throws {@link NotJudged} where that is open. */
export function sameAnswer(a: Answer, b: Answer, context: Context): boolean {
  context.budget.spend(comparison)
  if (a.kind === 'named' || b.kind === 'named') return sameNamed(a, b, context)
  if (a.kind === 'text' || b.kind === 'text') return sameText(a, b)
  if (a.kind === 'quantity' && b.kind === 'quantity') return sameQuantity(a, b, context)
  if (a.kind === 'equation' && b.kind === 'equation') return sameEquation(a, b, context)
  if (a.kind === 'equation' || b.kind === 'equation')
    throw new NotJudged('one is an equation, the other is not')
  if (a.kind === 'intervals' || b.kind === 'intervals') return asIntervals(a, b, context)
  if (a.kind === 'ratio' || b.kind === 'ratio') return sameRatio(a, b, context)
  if (isGroup(a) && isGroup(b)) return sameMembers(a, b, context)
  if (a.kind === 'tuple' && b.kind === 'tuple') return sameTuple(a, b, context)
  if (a.kind === 'matrix' && b.kind === 'matrix') return sameMatrix(a.rows, b.rows, context)
  // {5} is 5; what has several members is neither a single number nor of another number of members.
  const [first, second] = [membersOf(a), membersOf(b)]
  const [one, other] = [first[0], second[0]]
  if (first.length !== second.length || one === undefined || other === undefined) return false
  if (first.length === 1 && a.kind !== 'matrix' && b.kind !== 'matrix') return sameAnswer(one, other, context)
  if (!allSame(first, second, context) && !hasSame(first, second, context)) return false
  throw new NotJudged('they have the same members in other brackets')
}

function sameNamed(a: Answer, b: Answer, context: Context): boolean {
  if (a.kind === 'named' && b.kind === 'named') {
    if (a.name !== b.name) throw new NotJudged('they name different things')
    return sameAnswer(a.value, b.value, context)
  }
  const [named, other] = a.kind === 'named' ? [a, b] : [b, a]
  if (named.kind !== 'named') throw new NotJudged('neither has a name')
  if (other.kind !== 'equation') return sameAnswer(named.value, other, context)
  if (named.value.kind !== 'quantity' || /\W/.test(named.name))
    throw new NotJudged('one is an equation, the other is not')
  const equation: Answer = { kind: 'equation', left: letter(named.name), right: named.value.formula }
  return sameAnswer(equation, other, context)
}

function sameText(a: Answer, b: Answer): boolean {
  if (a.kind !== 'text' || b.kind !== 'text') throw new NotJudged('one is words, the other is not')
  const [x, y] = [a.text, b.text].map((text) =>
    text.replace(/^(?:the|a|an) /, '').replace(/[^\p{L}\d ]/gu, ''),
  ) as [string, string]
  if (x === y) return true
  const words = [x, y].every((text) => /^\p{L}+$/u.test(text)) && !x.startsWith(y) && !y.startsWith(x)
  if (!words) throw new NotJudged('they are different words')
  return false
}

type Group = Answer & { readonly kind: 'set' | 'list' }
const isGroup = (answer: Answer): answer is Group => answer.kind === 'set' || answer.kind === 'list'

function membersOf(answer: Answer): readonly Answer[] {
  if (isGroup(answer) || answer.kind === 'tuple') return answer.parts
  if (answer.kind === 'matrix') return answer.rows.flat()
  return [answer]
}

const asks = {
  order:
    /\border(?:ed)?\b|respectively|sequence|(?:as|des)cending|(?:in|de)creasing|smallest|largest|least|greatest/i,
}

/** Sets by what is in them; lists by that and how often, and by their order where the problem speaks of one. */
function sameMembers(a: Group, b: Group, context: Context): boolean {
  if (a.parts.length > 0 && [...a.parts, ...b.parts].every(({ kind }) => kind === 'named'))
    return sameSystem(a, b, context)
  const counted = a.kind === 'list' && b.kind === 'list'
  if (counted && a.parts.length === b.parts.length && allSame(a.parts, b.parts, context)) return true
  const paired = counted && isPaired(a.parts, b.parts, context)
  if (!paired && (!hasSame(a.parts, b.parts, context) || !hasSame(b.parts, a.parts, context))) return false
  if (counted && asks.order.test(context.problem))
    throw new NotJudged('they have the same members in another order')
  if (counted && !paired) throw new NotJudged('a member of one is repeated')
  return true
}

/** Whether each member of one has a member of the other for itself; false where that is open. */
function isPaired(a: readonly Answer[], b: readonly Answer[], context: Context): boolean {
  if (a.length !== b.length) return false
  const left = [...b]
  return a.every((part) => {
    const at = left.findIndex((other) => allSame([part], [other], context))
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
}

/** x = 1, y = 2: each by its name, where no name stands twice. */
function sameSystem(a: Group, b: Group, context: Context): boolean {
  const [x, y] = [a, b].map(({ parts }) =>
    [...parts].sort((p, q) => (p.kind === 'named' && q.kind === 'named' && p.name < q.name ? -1 : 1)),
  ) as [Answer[], Answer[]]
  const names = x.map((part) => (part.kind === 'named' ? part.name : ''))
  if (new Set(names).size < names.length) {
    const values = (parts: readonly Answer[]): Group => ({
      kind: 'list',
      parts: parts.map((part) => (part.kind === 'named' ? part.value : part)),
    })
    if (new Set([...x, ...y].map((part) => (part.kind === 'named' ? part.name : ''))).size > 1)
      throw new NotJudged('they name things twice')
    return sameMembers(values(x), values(y), context)
  }
  if (x.length !== y.length) throw new NotJudged('they name different things')
  return every(
    x.map((part, i) => [part, y[i] as Answer] as const),
    ([p, q]) => sameAnswer(p, q, context),
  )
}

function allSame(a: readonly Answer[], b: readonly Answer[], context: Context): boolean {
  try {
    return every(
      a.map((part, i) => [part, b[i]] as const),
      ([x, y]) => y !== undefined && sameAnswer(x, y, context),
    )
  } catch (error) {
    if (error instanceof NotJudged) return false
    throw error
  }
}

/** Whether every one of a has its like in b. */
function hasSame(a: readonly Answer[], b: readonly Answer[], context: Context): boolean {
  return every(a, (part) => {
    let open: NotJudged | null = null
    for (const other of b) {
      try {
        if (sameAnswer(part, other, context)) return true
      } catch (error) {
        if (!(error instanceof NotJudged)) throw error
        open ??= error
      }
    }
    if (open !== null) throw open
    return false
  })
}

function sameTuple(a: Answer & { kind: 'tuple' }, b: Answer & { kind: 'tuple' }, context: Context): boolean {
  if (a.parts.length !== b.parts.length) return false
  const pairs = a.parts.map((part, i) => [part, b.parts[i] as Answer] as const)
  if (!every(pairs, ([x, y]) => sameAnswer(x, y, context))) return false
  if (a.open === b.open && a.close === b.close) return true
  // Two members are an interval, whose ends belong to it or not.
  if (a.parts.length === 2) return asIntervals(a, b, context)
  throw new NotJudged('they have the same members in other brackets')
}

function sameMatrix(
  a: readonly (readonly Answer[])[],
  b: readonly (readonly Answer[])[],
  context: Context,
): boolean {
  const [first, second] = [a.flat(), b.flat()]
  if (first.length !== second.length) return false
  const pairs = first.map((cell, i) => [cell, second[i] as Answer] as const)
  if (!every(pairs, ([x, y]) => sameAnswer(x, y, context))) return false
  if (a.length === b.length && a.every((row, i) => row.length === b[i]?.length)) return true
  throw new NotJudged('they have the same members in other rows')
}

function asIntervals(a: Answer, b: Answer, context: Context): boolean {
  const [x, y] = [intervalsOf(a), intervalsOf(b)]
  if (x === null || y === null) throw new NotJudged('one is an interval, the other is not')
  const names = [a, b].map((answer) => (answer.kind === 'intervals' ? answer.of : null))
  if (names[0] !== null && names[1] !== null && names[0] !== names[1])
    throw new NotJudged('they name different things')
  return sameIntervals(x, y, context)
}

/** 3:4 is 6:8, unless both may be times of the day. */
function sameRatio(a: Answer, b: Answer, context: Context): boolean {
  if (a.kind !== 'ratio' || b.kind !== 'ratio')
    throw new NotJudged('one is a ratio or a time, the other is not')
  if (a.parts.length !== b.parts.length) return false
  const pairs = a.parts.map((part, i) => [part, b.parts[i] as Answer] as const)
  if (every(pairs, ([x, y]) => sameAnswer(x, y, context))) return true
  const formulas = (answer: Answer & { kind: 'ratio' }) =>
    answer.parts.map((part) => {
      if (part.kind !== 'quantity') throw new NotJudged('it is a ratio of other things than numbers')
      return part
    })
  const [x, y] = [formulas(a), formulas(b)]
  const [x0, y0] = [x[0], y[0]]
  if (x0 === undefined || y0 === undefined) return false
  const proportional = every(x.slice(1), (part) => {
    const other = y[x.indexOf(part)]
    if (other === undefined) return false
    const [left, right] = [times(x0, other), times(part, y0)]
    return sameQuantity(left, right, context)
  })
  if (proportional) throw new NotJudged('they are the same as ratios, not as times')
  return false
}

const times = (a: Quantity, b: Quantity): Quantity => ({
  ...a,
  formula: product(a.formula, b.formula),
  places: null,
})
