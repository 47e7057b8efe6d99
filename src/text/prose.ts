/** A text without what is in no natural language: fenced and inline code, LaTeX, links, markup, numbers. A fence that is
 *  never closed takes the rest. */
export function prose(text: string): string {
  return text
    .split('```')
    .filter((_, i) => i % 2 === 0)
    .join(' ')
    .replace(/`[^`\n]*`/g, ' ')
    .replace(/\$\$[^$]*\$\$|\$[^$\n]*\$|\\\[(?:(?!\\[[\]])[^])*\\\]|\\\((?:(?!\\[()])[^])*\\\)/g, ' ')
    .replace(/\\(?:begin|end)\{[^{}\n]*\}|\\[a-zA-Z]+/g, ' ')
    .replace(/https?:\/\/\S+|<\/?[a-zA-Z][^<>\n]*>/g, ' ')
    .replace(/[{}_^\\=+*/<>|~#\d]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}
