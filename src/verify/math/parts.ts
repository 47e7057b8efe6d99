import { NotJudged } from './not-judged.ts'
import { isName, isSign, type Token } from './tokens.ts'

/** Tokens with the number of brackets they stand in; a bracket is inside itself. */
export function pieces(tokens: readonly Token[]): { readonly token: Token; readonly depth: number }[] {
  let depth = 0
  return tokens.map((token) => {
    if (opens(token)) depth++
    const piece = { token, depth }
    if (closes(token)) depth--
    if (depth < 0) throw new NotJudged('its brackets do not match')
    return piece
  })
}

/** The stretches between tokens that part it, outside all brackets. */
export function partedBy(
  tokens: readonly Token[],
  parts: (token: Token) => boolean,
): readonly (readonly Token[])[] {
  const found: Token[][] = [[]]
  for (const { token, depth } of pieces(tokens)) {
    if (depth === 0 && parts(token)) found.push([])
    else found.at(-1)?.push(token)
  }
  return found
}

/** The brackets that reach round everything, and what they hold; null if there are none. */
export function wrapped(
  tokens: readonly Token[],
): { readonly open: string; readonly close: string; readonly tokens: readonly Token[] } | null {
  const [first, last] = [tokens[0], tokens.at(-1)]
  if (tokens.length < 2 || first?.kind !== 'sign' || last?.kind !== 'sign' || !opens(first) || !closes(last))
    return null
  const inside = pieces(tokens).slice(1, -1)
  if (
    inside.some(({ depth }) => depth === 0) ||
    pieces(tokens)
      .slice(0, -1)
      .some(({ depth, token }) => depth === 1 && closes(token))
  )
    return null
  return { open: first.sign, close: last.sign, tokens: tokens.slice(1, -1) }
}

const opens = (token: Token): boolean =>
  isSign(token, '(', '[', '{', '\\{') || isName(token, 'lfloor', 'lceil', 'begin')
const closes = (token: Token): boolean =>
  isSign(token, ')', ']', '}', '\\}') || isName(token, 'rfloor', 'rceil', 'end')
