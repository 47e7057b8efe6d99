/** Rows of cells in columns; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? formatCount(cell) : printable(cell))),
  )
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)))
  return cells
    .map((row, r) =>
      row
        .map((cell, i) =>
          typeof rows[r]?.[i] === 'number' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** 1234567 as 1,234,567. */
export const formatCount = (count: number): string => count.toLocaleString('en-US')

/** Text of a file or a model without what a terminal would obey. */
export const printable = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\u00b7')

/** The beginning of a text, on one line. */
export const brief = (text: string, length: number): string => {
  const line = printable(text)
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}
