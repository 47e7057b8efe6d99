import type { Rational } from '../rational.ts'

/** A function of one value, or of two (`binomial`). `log` has no base: 10 or e, nobody says. */
export type FunctionName =
  | 'sin'
  | 'cos'
  | 'tan'
  | 'cot'
  | 'sec'
  | 'csc'
  | 'arcsin'
  | 'arccos'
  | 'arctan'
  | 'sinh'
  | 'cosh'
  | 'tanh'
  | 'ln'
  | 'log'
  | 'abs'
  | 'floor'
  | 'ceil'
  | 'factorial'
  | 'binomial'

/** A formula as a tree. `key` is the same for the same tree only. */
export type Expression = { readonly key: string } & (
  | { readonly kind: 'number'; readonly value: Rational }
  | { readonly kind: 'constant'; readonly name: 'pi' | 'e' | 'i' | 'infinity' }
  | { readonly kind: 'letter'; readonly name: string }
  | { readonly kind: 'sum' | 'product'; readonly parts: readonly Expression[] }
  | { readonly kind: 'quotient'; readonly over: Expression; readonly under: Expression }
  | { readonly kind: 'power'; readonly base: Expression; readonly exponent: Expression }
  | { readonly kind: 'root'; readonly degree: number; readonly of: Expression }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly parts: readonly Expression[] }
)

export const numeral = (value: Rational): Expression => ({
  kind: 'number',
  value,
  key: `${value.numerator}/${value.denominator}`,
})
export const constant = (name: 'pi' | 'e' | 'i' | 'infinity'): Expression => ({
  kind: 'constant',
  name,
  key: `#${name}`,
})
export const letter = (name: string): Expression => ({ kind: 'letter', name, key: `'${name}'` })
export const sum = (...parts: readonly Expression[]): Expression => joined('sum', '+', parts)
export const product = (...parts: readonly Expression[]): Expression => joined('product', '*', parts)
export const negative = (of: Expression): Expression =>
  of.kind === 'number'
    ? numeral({ numerator: -of.value.numerator, denominator: of.value.denominator })
    : product(minusOne, of)
export const quotient = (over: Expression, under: Expression): Expression => ({
  kind: 'quotient',
  over,
  under,
  key: `(${over.key})/(${under.key})`,
})
export const power = (base: Expression, exponent: Expression): Expression => ({
  kind: 'power',
  base,
  exponent,
  key: `(${base.key})^(${exponent.key})`,
})
export const root = (degree: number, of: Expression): Expression => ({
  kind: 'root',
  degree,
  of,
  key: `root${degree}(${of.key})`,
})
export const call = (name: FunctionName, ...parts: readonly Expression[]): Expression => ({
  kind: 'call',
  name,
  parts,
  key: `${name}(${parts.map(({ key }) => key).join()})`,
})

/** The parts of a tree directly under its top. */
export function partsOf(of: Expression): readonly Expression[] {
  switch (of.kind) {
    case 'sum':
    case 'product':
    case 'call':
      return of.parts
    case 'quotient':
      return [of.over, of.under]
    case 'power':
      return [of.base, of.exponent]
    case 'root':
      return [of.of]
    default:
      return []
  }
}

/** Every node of a tree, the top first. */
export function nodesOf(of: Expression): Expression[] {
  const nodes = [of]
  for (let at = 0; at < nodes.length; at++) nodes.push(...partsOf(nodes[at] as Expression))
  return nodes
}

/** Names of the letters in it. */
export function lettersOf(of: Expression): Set<string> {
  const names = new Set<string>()
  for (const node of nodesOf(of)) if (node.kind === 'letter') names.add(node.name)
  return names
}

const minusOne = numeral({ numerator: -1n, denominator: 1n })

function joined(kind: 'sum' | 'product', sign: string, parts: readonly Expression[]): Expression {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  return { kind, parts, key: `(${parts.map(({ key }) => key).join(sign)})` }
}
