import type { Expression } from './expression.ts'
import type { Unit } from './units.ts'

/** What an answer says, read into its parts. */
export type Answer =
  | Quantity
  | { readonly kind: 'text'; readonly text: string }
  /** Members in brackets. (a, b) may be a pair or an open interval: it is compared as both would be. */
  | {
      readonly kind: 'tuple'
      readonly open: '(' | '['
      readonly close: ')' | ']'
      readonly parts: readonly Answer[]
    }
  /** Members whose order says nothing: of a set they count once. */
  | { readonly kind: 'set' | 'list'; readonly parts: readonly Answer[] }
  /** Intervals, as written or from inequalities; `of` names what lies in them. */
  | { readonly kind: 'intervals'; readonly of: string | null; readonly parts: readonly Interval[] }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly Answer[])[] }
  | { readonly kind: 'equation'; readonly left: Expression; readonly right: Expression }
  /** x = ..., or a word = ... */
  | { readonly kind: 'named'; readonly name: string; readonly value: Answer }
  | { readonly kind: 'ratio'; readonly parts: readonly Answer[] }

/** A formula, with the unit behind it. */
export interface Quantity {
  readonly kind: 'quantity'
  readonly formula: Expression
  readonly unit: Unit | null
  /** Digits behind the point of a plain decimal; null of all else. */
  readonly places: number | null
  /** Of 101_2; null if none is written. */
  readonly base: number | null
}

export interface Interval {
  readonly low: Expression
  readonly high: Expression
  readonly withLow: boolean
  readonly withHigh: boolean
}
