/** An exact number, in lowest terms, denominator positive. */
export interface Rational {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** Most digits of a numeral; longer ones are not parsed. */
const mostDigits = 200

const sign = '[-+−]?'
const whole = '(?:\\d{1,3}(?:,\\d{3})+|\\d+)'
const decimalPattern = new RegExp(`^(${sign})(${whole})?(?:\\.(\\d+))?$`)
const fractionPattern = new RegExp(`^(${sign})(?:(${whole})\\s+)?(${whole})\\s*/\\s*(${whole})$`)
const latexFraction = /^([-+−]?)(\d+)?\s*\\[dt]?frac\s*(?:\{(-?\d+)\}\s*\{(\d+)\}|(\d)(\d))$/

/** The number a short answer states, exactly: integers with thousands separators, decimals, `a/b`, mixed numbers,
 *  `\frac{a}{b}`; `$` around it and a full stop after it are ignored, `%` divides by 100. Null if it is none. */
export function parseRational(text: string): Rational | null {
  let bare = text
    .trim()
    .replace(/^\\?\$|\\?\$$/g, '')
    .replace(/^\\\(|\\\)$/g, '')
    .replaceAll('{,}', ',')
    .replace(/\.$/, '')
    .trim()
  if (bare.length > mostDigits) return null
  bare = bare.replace(/^\\?\$\s*/, '')
  const percent = /\s*\\?%$/.exec(bare)
  if (percent !== null) bare = bare.slice(0, percent.index)
  const value = parsePlain(bare)
  if (value === null || percent === null) return value
  return reduced(value.numerator, value.denominator * 100n)
}

function parsePlain(text: string): Rational | null {
  const decimal = decimalPattern.exec(text)
  if (decimal !== null) {
    const [, negative = '', digits = '', after = ''] = decimal
    if (digits === '' && after === '') return null
    return signed(negative, BigInt(plain(digits) + after), 10n ** BigInt(after.length))
  }
  const fraction = fractionPattern.exec(text)
  if (fraction !== null) {
    const [, negative = '', mixed = '0', over = '', under = ''] = fraction
    return mixedNumber(negative, mixed, over, under)
  }
  const latex = latexFraction.exec(text)
  if (latex === null) return null
  const [, negative = '', mixed = '0', over, under, over1 = '', under1 = ''] = latex
  return mixedNumber(negative, mixed, over ?? over1, under ?? under1)
}

const plain = (digits: string): string => digits.replaceAll(',', '') || '0'

function mixedNumber(negative: string, mixed: string, over: string, under: string): Rational | null {
  const denominator = BigInt(plain(under))
  if (denominator === 0n) return null
  return signed(negative, BigInt(plain(mixed)) * denominator + BigInt(plain(over)), denominator)
}

const signed = (negative: string, numerator: bigint, denominator: bigint): Rational =>
  reduced(negative === '-' || negative === '−' ? -numerator : numerator, denominator)

function reduced(numerator: bigint, denominator: bigint): Rational {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator]
  while (b !== 0n) [a, b] = [b, a % b]
  return a === 0n
    ? { numerator: 0n, denominator: 1n }
    : { numerator: numerator / a, denominator: denominator / a }
}
