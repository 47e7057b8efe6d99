import type { Rational } from '../rational.ts'
import { reduced } from '../rational.ts'

/** A unit: what it measures, and how many of the smallest unit of that it is. Unknown words are a kind of their own. */
export interface Unit {
  readonly measure: string
  readonly factor: Rational
}

const ratio = (over: number, under = 1): Rational => reduced(BigInt(over), BigInt(under))

/** By measure, in units of the first. Only conversions that are exact. */
const table: Readonly<Record<string, readonly (readonly [words: string, factor: Rational])[]>> = {
  // In tenths of a millimetre: an inch is 25.4 mm.
  length: [
    ['mm millimeter millimetre', ratio(10)],
    ['cm centimeter centimetre', ratio(100)],
    ['dm decimeter decimetre', ratio(1000)],
    ['m meter metre', ratio(10_000)],
    ['km kilometer kilometre', ratio(10_000_000)],
    ['in inch inche', ratio(254)],
    ['ft foot feet', ratio(3048)],
    ['yd yard', ratio(9144)],
    ['mi mile', ratio(16_093_440)],
  ],
  mass: [
    ['mg milligram', ratio(1)],
    ['g gram', ratio(1000)],
    ['kg kilogram', ratio(1_000_000)],
  ],
  'avoirdupois mass': [
    ['oz ounce', ratio(1)],
    ['lb pound', ratio(16)],
  ],
  time: [
    ['s sec second', ratio(1)],
    ['min minute', ratio(60)],
    ['h hr hour', ratio(3600)],
    ['day', ratio(86_400)],
    ['week', ratio(604_800)],
  ],
  volume: [
    ['ml milliliter millilitre', ratio(1)],
    ['l liter litre', ratio(1000)],
  ],
  dollars: [
    ['cent ¢', ratio(1)],
    ['dollar usd ¤ buck', ratio(100)],
  ],
  angle: [['degree °', ratio(1)]],
  percent: [['percent %', ratio(1)]],
  euro: [['euro € eur', ratio(1)]],
  pounds: [['£ gbp', ratio(1)]],
}

const known = new Map<string, Unit>(
  Object.entries(table).flatMap(([measure, units]) =>
    units.flatMap(([words, factor]) => words.split(' ').map((word) => [word, { measure, factor }] as const)),
  ),
)

/** Every unit of the same measure. */
export const siblingsOf = ({ measure }: Unit): readonly Unit[] =>
  [...new Set(known.values())].filter((unit) => unit.measure === measure)

/** Words that may change the number before them, or that are no unit. */
const notUnits = new Set(
  (
    'and or to of by over plus minus times less more negative below point if then for when where with without not either ' +
    'between about approximately half halves third thirds quarter quarters fourth fourths fifth fifths tenth tenths dozen ' +
    'dozens pair pairs score hundred hundreds thousand thousands million millions billion billions trillion k squared cubed ' +
    'factorial mod base remainder one two three four five six seven eight nine ten eleven twelve only is are the no yes ' +
    'maximum minimum undefined infinite root'
  ).split(' '),
)

/** The unit that words and signs behind a number name; null where they might be something else. */
export function unitNamed(words: readonly string[]): Unit | null {
  const lower = words.map((word) => word.toLowerCase())
  if (lower.some((word) => notUnits.has(word)) || lower.length > 8) return null
  const text = singular(lower.join(' '))
  const square = /^(?:square|sq) (.+)$|^(.+?) ?\^ ?2$/.exec(text)
  const cube = /^(?:cubic|cu) (.+)$|^(.+?) ?\^ ?3$/.exec(text)
  const [inner, exponent] = square ? [square[1] ?? square[2], 2] : cube ? [cube[1] ?? cube[2], 3] : [text, 1]
  const found = known.get(inner ?? '')
  if (found !== undefined && (exponent === 1 || found.measure === 'length')) {
    const { measure, factor } = found
    const [over, under] = [factor.numerator ** BigInt(exponent), factor.denominator ** BigInt(exponent)]
    return { measure: exponent === 1 ? measure : `${measure}^${exponent}`, factor: reduced(over, under) }
  }
  if (!/^[\p{L}°¢%][\p{L}\s/^\d-]*$/u.test(text)) return null
  return { measure: `unit:${text}`, factor: ratio(1) }
}

const singular = (text: string): string =>
  text.replace(/\b(\p{L}{2,}?)(?:(?<=ch|sh|x)es|s)\b/gu, '$1').replace(/\bper\b/g, '/')
