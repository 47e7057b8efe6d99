import { NotJudged } from './not-judged.ts'
import { isName, isSign, type Token } from './tokens.ts'

/** The cells of a matrix that is all there is; null if it is none. A determinant (vmatrix) is a number and is not read. */
export function matrixAt(tokens: readonly Token[]): readonly (readonly (readonly Token[])[])[] | null {
  if (!isName(tokens[0], 'begin')) return null
  const [, open, name, close, ...rest] = tokens
  if (
    !isSign(open, '{') ||
    !isSign(close, '}') ||
    name?.kind !== 'word' ||
    !/^[pbB]?matrix$|^smallmatrix$/.test(name.text)
  )
    throw new NotJudged('it has an environment that is not read')
  const end = rest.findIndex((token) => isName(token, 'end'))
  if (end !== rest.length - 4) throw new NotJudged('something stands behind a matrix')
  const rows: Token[][][] = [[[]]]
  for (const token of rest.slice(0, end)) {
    if (isName(token, 'begin')) throw new NotJudged('a matrix in it holds another')
    if (isSign(token, '\\\\')) rows.push([[]])
    else if (isSign(token, '&')) rows.at(-1)?.push([])
    else rows.at(-1)?.at(-1)?.push(token)
  }
  // A \\ behind the last row makes an empty one.
  if (rows.at(-1)?.flat().length === 0) rows.pop()
  if (rows.length === 0 || rows.some((row) => row.some((cell) => cell.length === 0)))
    throw new NotJudged('a cell of its matrix is empty')
  return rows
}
