/** A text without what is in no natural language: fenced and inline code, LaTeX, links, markup, numbers. */
export function prose(text: string): string {
  return withoutFences(text)
    .replace(/`[^`\n]*`/g, ' ')
    .replace(/\$\$[^$]*\$\$|\$[^$\n]*\$|\\\[(?:(?!\\[[\]])[^])*\\\]|\\\((?:(?!\\[()])[^])*\\\)/g, ' ')
    .replace(/\\(?:begin|end)\{[^{}\n]*\}|\\[a-zA-Z]+/g, ' ')
    .replace(/https?:\/\/\S+|<\/?[a-zA-Z][^<>\n]*>/g, ' ')
    .replace(/[{}_^\\=+*/<>|~#\d]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Line by line; a fence that is never closed takes the rest. */
function withoutFences(text: string): string {
  if (!text.includes('```')) return text
  const kept: string[] = []
  let inside = false
  for (const line of text.split('\n')) {
    if (/^\s{0,8}```/.test(line)) inside = !inside
    else if (!inside) kept.push(line)
  }
  return kept.join('\n')
}
