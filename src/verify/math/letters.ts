import { constant, type Expression, letter } from './expression.ts'
import type { Token } from './tokens.ts'

/** A letter, or the number that e and i are. */
export const letterOf = (name: string): Expression =>
  name === 'e' || name === 'i' ? constant(name) : letter(name)

/** The letters of a run of at most three that may be a product; null of a word, and of dx, which is none. */
export function lettersIn(token: Token & { kind: 'word' }): readonly string[] | null {
  const { text, upright } = token
  if (upright || !/^(?:[a-z]{2,3}|[A-Z]{2})$/.test(text) || words.has(text) || /^d[a-z]$/.test(text))
    return null
  return Array.from(text)
}
const words = new Set(
  'and or is no yes not per the for of to by at if all any one two six ten day odd lie cm mm km kg mg ml in ft lb mi min hr sec mph up set sum max gcd lcm mod inf sup lim det deg dim ker exp arg div sgn cis ii iii iv vi vii NE NW SE SW AM PM men cup box cat dog egg car bus toy pen bag hat cow hen pig bee ant ear eye jar kit leg map mug nut oz pie pot row tax tea tie tin van way win yen gal qt pt pcs lbs hrs yrs yr wk mo'.split(
    ' ',
  ),
)
