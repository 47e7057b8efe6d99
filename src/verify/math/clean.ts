/** Longest answer read, characters. */
const longest = 500

/** What LaTeX and Unicode write differently and means the same, in the order applied. Text blocks come out in double
 *  quotes, currency signs as `¤`, degrees as `°`. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/["\u0000-\u001f\u00a0\u2000-\u200b\u202f\u3000~]/g, ' '],
  [/\*\*/g, ' '],
  [/[−–﹣－]/g, '-'],
  [/√\s*\(/g, ' sqrt('],
  [/√/g, ' sqrt '],
  [/π/g, ' \\pi '],
  [/∞/g, ' \\infty '],
  [/≤/g, ' \\le '],
  [/≥/g, ' \\ge '],
  [/<=/g, ' \\le '],
  [/>=/g, ' \\ge '],
  [/\\l(?:eqslant|eq|e)(?![a-z])/g, ' \\le '],
  [/\\g(?:eqslant|eq|e)(?![a-z])/g, ' \\ge '],
  [/\\lt(?![a-z])/g, '<'],
  [/\\gt(?![a-z])/g, '>'],
  [/∪/g, ' \\cup '],
  [/∈/g, ' \\in '],
  [/±/g, ' \\pm '],
  [/∅|\\varnothing(?![a-z])/g, ' \\emptyset '],
  [/[×⋅·∗]|\\(?:times|cdot|ast)(?![a-z])/g, ' * '],
  [/÷|\\div(?![a-z])/g, ' / '],
  [/²/g, '^2'],
  [/³/g, '^3'],
  [/½/g, ' 1/2'],
  [/¼/g, ' 1/4'],
  [/¾/g, ' 3/4'],
  [/\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|nolimits)(?![a-zA-Z])/g, ' '],
  [/(\d)(?:\{,\}|,\\!|\\,|\\!,|\\!)\s*(?=\d{3}(?!\d))/g, '$1'],
  [/(?<!\\)\\[()[\]]/g, ' '],
  [/\\[!]/g, ''],
  [/(?<!\\)\\[,;:> ]|\\q?quad(?![a-z])/g, ' '],
  [/\\[dtc]frac(?![a-z])/g, '\\frac'],
  [/\\(?:lbrace)(?![a-z])/g, '\\{'],
  [/\\(?:rbrace)(?![a-z])/g, '\\}'],
  [/\\[lr]vert(?![a-z])|\\[lr]?vert(?![a-z])|\\mid(?![a-z])/g, '|'],
  [/\\(?:overline|bar)\s*\{\s*(\d+)\s*\}/g, '\\overline{$1}'],
  [/\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-z]))|\\degree(?![a-z])|º/g, '°'],
  [/\\%/g, '%'],
  [/\\\$|US\$/g, '¤'],
]

const block =
  /\\(?:text(?:bf|it|rm|sf|normal)?|mbox|math(?:rm|bf|it|sf)|operatorname|boldsymbol)\s*\{([^{}"]*)\}/g

/** An answer in one way of writing; null if it is too long to be one. */
export function cleaned(text: string): string | null {
  if (text.length > longest) return null
  let plain = text
  for (const [pattern, replacement] of rules) plain = plain.replace(pattern, replacement)
  plain = plain.replace(block, (_, content: string) => blockOf(content))
  return withoutDollars(plain)
    .replace(/\s+/g, ' ')
    .replace(/^[\s:]+|(?:[\s,;:]|(?<![.])[.](?![.]))+$/g, '')
    .trim()
}

/** The same for texts that differ in nothing but white space and dress. */
export const squeezed = (plain: string): string =>
  plain
    .replaceAll('"', ' ')
    .replace(/\s+/g, ' ')
    .replace(/(?<=[^A-Za-z0-9]) | (?=[^A-Za-z0-9])/g, '')
    .trim()

/** Letters, numbers and names of functions in a text block are what they would be outside it. */
function blockOf(content: string): string {
  const bare = content.trim()
  if (/^\(?[A-Za-z]\)?$|^[\d.,\s+-]+$/.test(bare)) {
    // A single letter set upright behind a number is a unit: 5 \text{ m}.
    return /^[mgshlLaJNWVKC]$/.test(bare) && content !== bare ? `"${bare}"` : ` ${bare} `
  }
  if (/^(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?$|^(?:ln|log|lg|exp)$/.test(bare)) return ` \\${bare} `
  return `"${content}"`
}

/** Dollars come in pairs round mathematics; a lone one before a number is money. */
function withoutDollars(text: string): string {
  const count = text.split('$').length - 1
  if (count === 0) return text
  return count % 2 === 1
    ? text.replace(/\$(?=\s*-?\s*[\d.])/, '¤').replaceAll('$', ' ')
    : text.replaceAll('$', ' ')
}
