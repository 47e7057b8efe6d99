import { NotJudged } from './not-judged.ts'
import { isSign, type Token } from './tokens.ts'

/** How to read what can be read in two ways. */
export interface Reading {
  /** 1/2x is 1/(2x) instead of (1/2)x. */
  readonly tight: boolean
  /** The sign that \pm stands for. */
  readonly plusMinus: 1 | -1
}

/** Where the reading of a formula stands. */
export interface Cursor {
  readonly tokens: readonly Token[]
  readonly reading: Reading
  at: number
  depth: number
  /** Absolute values that are open, whose bar may come next. */
  bars: number
  /** 1/2x was met. */
  loose: boolean
}

/** A token as a message names it. */
export const shown = (token: Token | undefined): string => {
  if (token === undefined) return 'its end'
  return JSON.stringify(
    token.kind === 'number'
      ? token.digits
      : token.kind === 'sign'
        ? token.sign
        : token.kind === 'word'
          ? token.text
          : token.name,
  )
}

export const peek = (cursor: Cursor): Token | undefined => cursor.tokens[cursor.at]

/** Takes a sign that must come next. */
export function expect(cursor: Cursor, sign: string): void {
  if (!isSign(peek(cursor), sign)) throw new NotJudged(`it cannot be read at ${shown(peek(cursor))}`)
  cursor.at++
}
