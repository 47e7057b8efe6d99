/** A table, or that there is nothing. Cells are Markdown. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  if (rows.length === 0) return ['None.', '']
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '']
}

/** Text of others (names, reasons, ids of benchmark items) as Markdown that says it and does nothing. */
export const plain = (text: string): string =>
  text
    .replace(/\s+/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[\\`*[\]|#~]/g, '\\$&')
    .replace(/https?:\/\//g, '$&&#8203;')
