/** Words of a text as n-gram methods compare them: lower-case, every run of non-alphanumerics a break, Unicode letters
 *  and digits kept, one word for each Chinese or Japanese character. Numbers are kept as they are: masking them deleted
 *  14.7 % of a sample of real traces, all false positives. */
export function words(text: string): string[] {
  if (isAscii.test(text)) return text.toLowerCase().match(asciiWord) ?? []
  return fold(text).match(unicodeWord) ?? []
}

/** The words with one space between them: equal for texts that differ in case, spacing and punctuation only. */
export function normalise(text: string): string {
  return words(text).join(' ')
}

const isAscii = /^[\x00-\x7f]*$/
const asciiWord = /[a-z0-9]+/g

/** Written without spaces between words. Korean has spaces and is read by words. */
const ideograph = String.raw`[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}ー]`
const marks = String.raw`\p{Mn}\p{Mc}`
/** A word of a folded text. */
export const unicodeWord = new RegExp(
  String.raw`(?=[\p{L}\p{N}])${ideograph}[${marks}]*|(?:(?!${ideograph})[\p{L}\p{N}])(?:(?!${ideograph})[\p{L}\p{N}${marks}])*`,
  'gu',
)

/** NFKC and case folding. Upper case first makes ß and ss the same; both sigmas become one. Invisible characters
 *  (soft hyphen, joiners, variation selectors) vanish, except the zero-width space, which parts words. Halves of
 *  surrogate pairs are U+FFFD, as in UTF-8: two of them around a joiner do not meet. */
export function fold(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .normalize('NFKC')
    .replaceAll('\u200b', ' ')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replaceAll('ς', 'σ')
}
