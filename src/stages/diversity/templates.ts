/** Texts that are one text with other numbers and names put in. */
export interface Templates {
  /** Different skeletons. */
  readonly distinct: number
  /** Share of the texts whose skeleton another text has too. */
  readonly share: number
  readonly largest: readonly Template[]
}

interface Template {
  /** `#` stands for a number, `@` for a name, `$` for a formula. */
  readonly skeleton: string
  readonly texts: number
  readonly example: string
}

/** Groups texts by their skeletons. A capitalised word counts as a name where the corpus never writes it small. */
export function templatesOf(texts: readonly string[]): Templates {
  const small = new Set<string>()
  for (const text of texts)
    for (const [word] of text.matchAll(/(?<![\p{L}\p{M}])\p{Ll}[\p{L}\p{M}']*/gu)) small.add(word)
  const groups = new Map<string, { texts: number; example: string }>()
  for (const text of texts) {
    const skeleton = skeletonOf(text, small)
    const group = groups.get(skeleton)
    if (group === undefined) groups.set(skeleton, { texts: 1, example: text })
    else group.texts++
  }
  const shared = [...groups].filter(([, group]) => group.texts > 1)
  const inShared = shared.reduce((sum, [, group]) => sum + group.texts, 0)
  return {
    distinct: groups.size,
    share: texts.length === 0 ? 0 : inShared / texts.length,
    largest: shared
      .sort((a, b) => b[1].texts - a[1].texts || (a[0] < b[0] ? -1 : 1))
      .slice(0, 5)
      .map(([skeleton, group]) => ({ skeleton, ...group })),
  }
}

/** A text with its formulas, numbers and names masked, in small letters and single spaces. */
function skeletonOf(text: string, small: ReadonlySet<string>): string {
  return text
    .replace(/\$[^$\n]{1,200}\$/g, '$$')
    .replace(/\p{Lu}[\p{L}\p{M}']*/gu, (word) => (small.has(word.toLowerCase()) ? word : '@'))
    .replace(/\p{N}+(?:[.,]\p{N}+)*/gu, '#')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
}
