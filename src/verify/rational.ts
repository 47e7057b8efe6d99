/** An exact number in lowest terms, denominator positive. */
export interface Rational {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** A number with the words that stood behind it. */
export interface Quantity {
  readonly value: Rational
  /** Lower-case words as in `18 dollars a day`; '' without. */
  readonly unit: string
}

/** Longest answer read, characters, and largest power of ten written as an exponent: nothing here can take long. */
const longest = { text: 200, exponent: 300 }

/** The number a short answer states, exactly. Read are integers with thousands separators, decimals, `a/b`, mixed
 *  numbers, `\frac{a}{b}`, `a \times 10^{b}` and `1e5`. `$`, `%` and LaTeX dress are stripped: 50% is 50. A unit after the number
 *  is read off where the words cannot change its value; null if they could, or if it is no number. */
export function parseQuantity(text: string): Quantity | null {
  if (text.length > longest.text) return null
  const bare = undress(text)
  const match = number.exec(bare)
  if (match === null) return null
  const unit = unitOf(bare.slice(match[0].length))
  if (unit === null) return null
  const value = valueOf(match.groups ?? {})
  return value === null ? null : { value, unit }
}

export function equalRationals(a: Rational, b: Rational): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator
}

/** Plain signs for LaTeX ones, no currency, no left-hand side as in `x = 5`. */
function undress(text: string): string {
  const plain = text
    .replace(/(\d)(?:\\[,!]|[\u2009\u202f])(?=\d{3})/g, '$1')
    .replace(/\\[()[\]]/g, ' ')
    .replace(/\\(?:left|right|displaystyle)(?![a-z])|\\[,!;:> ]|[\u00a0\u2009\u202f]/g, ' ')
    .replaceAll('{,}', ',')
    .replace(/[−–]/g, '-')
    .replace(/\\[dt]frac/g, '\\frac')
    .replace(/\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{([^{}]*)\}/g, ' $1 ')
    .replace(/\^\s*\{?\s*\\circ\s*\}?/g, ' degrees ')
    .replace(/\\?[$€£]/g, '')
    .replace(/\\?%/g, ' ')
    .replaceAll('**', '')
    .trim()
  return plain
    .replace(/^[a-zA-Z](?:_\{?\w\}?)?\s*=\s*/, '')
    .replace(/(?<!\.)[.,;]$/, '')
    .trim()
}

const digits = String.raw`(?:\d{1,3}(?:,\d{3})+|\d+)`
const decimal = String.raw`(?:${digits}(?:\.\d*)?|\.\d+)`
/** One alternative a way of writing, the longer first. Behind the number no sign may follow that belongs to one. */
const number = new RegExp(
  [
    String.raw`^(?<sign>[-+]?)\s*(?:`,
    String.raw`(?:(?<whole>\d+)\s*)?\\frac\s*(?:\{\s*(?<over>-?${decimal})\s*\}\s*\{\s*(?<under>-?${decimal})\s*\}|(?<over1>\d)\s*(?<under1>\d))`,
    String.raw`|(?:(?<whole2>\d+)\s+)?(?<over2>${decimal})\s*/\s*(?<under2>${decimal})`,
    String.raw`|(?<ten>10)\s*\^\s*(?:\{\s*(?<power>[-+]?\d+)\s*\}|(?<power1>\d))`,
    String.raw`|(?<decimal>${decimal})(?:[eE](?<exponent>[-+]?\d+)|\s*(?:\\times|\\cdot|×|\*)\s*10\s*\^\s*(?:\{\s*(?<exponent1>[-+]?\d+)\s*\}|(?<exponent2>-?\d+)))?`,
    String.raw`)(?![\d.,/^*{}\\])`,
  ].join(''),
)

type Groups = Readonly<Record<string, string | undefined>>

function valueOf(groups: Groups): Rational | null {
  const { sign, ten, power, power1, decimal: plain, exponent, exponent1, exponent2 } = groups
  const negative = sign === '-'
  if (ten !== undefined) return scaled(1n, 0, power ?? power1 ?? '', negative)
  if (plain !== undefined) {
    const [units, places] = unscaled(plain)
    return scaled(units, places, exponent ?? exponent1 ?? exponent2 ?? '0', negative)
  }
  return fraction(groups, negative)
}

/** units * 10^(exponent - places); null where the power is too large to be meant. */
function scaled(units: bigint, places: number, exponent: string, negative: boolean): Rational | null {
  const power = Number(exponent)
  if (!(Math.abs(power) <= longest.exponent)) return null
  const shift = power - places
  return reduced(
    (negative ? -units : units) * 10n ** BigInt(Math.max(shift, 0)),
    10n ** BigInt(Math.max(-shift, 0)),
  )
}

/** `a/b` or a mixed number, whose fraction must be proper: `2 3/2` is not a way to write a number. */
function fraction(groups: Groups, negative: boolean): Rational | null {
  const whole = groups.whole ?? groups.whole2
  const [over, overPlaces] = unscaled(groups.over ?? groups.over1 ?? groups.over2 ?? '')
  const [under, underPlaces] = unscaled(groups.under ?? groups.under1 ?? groups.under2 ?? '')
  if (under === 0n) return null
  const [top, bottom] = [over * 10n ** BigInt(underPlaces), under * 10n ** BigInt(overPlaces)]
  if (whole !== undefined && !(top >= 0n && top < bottom)) return null
  const sum = whole === undefined ? top : BigInt(whole) * bottom + top
  return reduced(negative ? -sum : sum, bottom)
}

/** Digits of a decimal as an integer, and how many stood behind the point. */
function unscaled(text: string): [units: bigint, places: number] {
  const [before = '', behind = ''] = text.replaceAll(',', '').split('.')
  const negative = before.startsWith('-')
  const units = BigInt(before.replace('-', '') + behind || '0')
  return [negative ? -units : units, behind.length]
}

/** In lowest terms; the denominator is not nought. */
export function reduced(numerator: bigint, denominator: bigint): Rational {
  if (denominator < 0n) return reduced(-numerator, -denominator)
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator]
  while (b !== 0n) [a, b] = [b, a % b]
  return { numerator: numerator / a, denominator: denominator / a }
}

/** Words that may change the number before them. */
const notUnits = new Set(
  (
    'and or to of by over plus minus times less more per.cent negative below point sqrt pi ' +
    'half halves third thirds quarter quarters fourth fourths fifth fifths tenth tenths ' +
    'dozen dozens pair pairs score hundred hundreds thousand thousands million millions billion billions trillion k ' +
    'squared cubed factorial mod base remainder if then for when where with without not either between about ' +
    'one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty'
  ).split(' '),
)
const letterUnits = new Set(['m', 'g', 's', 'h', 'l', 'a'])

/** The words behind a number as its unit, '' for none, null where they are not plainly a unit. */
function unitOf(rest: string): string | null {
  const attached = /^(?:cm|mm|km|kg|mg|ml|min|mph|ft|lbs?|hrs?|m|g|l|am|pm)\b/i.test(rest)
  if (rest !== '' && !/^\s/.test(rest) && !attached) return null
  const unit = rest
    .toLowerCase()
    .replace(/\^\s*\{?[23]\}?|[²³]/g, '')
    .trim()
  if (unit === '') return ''
  if (!/^\p{L}+(?:[\s/-]+\p{L}+){0,4}$/u.test(unit)) return null
  const parts = unit.split(/[\s/-]+/)
  const fits = parts.every((word) => !notUnits.has(word) && (word.length > 1 || letterUnits.has(word)))
  return fits ? parts.join(' ') : null
}
