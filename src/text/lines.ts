/** Where a line of a text is, in UTF-16 units. */
export interface LineSpan {
  readonly start: number
  /** Behind its last character; the line feed is not part of it. */
  readonly end: number
}

/** Lines longer than this are cut into sentences, so that passages of one long line have parts too. */
const longestLine = 240

/** Lines of a text that have something in them, long ones cut into sentences. */
export function linesOf(text: string): LineSpan[] {
  const spans: LineSpan[] = []
  let start = 0
  for (const line of text.split('\n')) {
    const pieces = line.length > longestLine ? sentencesOf(line) : [{ start: 0, end: line.length }]
    for (const piece of pieces) {
      if (line.slice(piece.start, piece.end).trim() !== '')
        spans.push({ start: start + piece.start, end: start + piece.end })
    }
    start += line.length + 1
  }
  return spans
}

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' })

const sentencesOf = (line: string): LineSpan[] =>
  [...sentences.segment(line)].map(({ index, segment }) => ({ start: index, end: index + segment.length }))

/** The lines with their numbers from 1 before them. */
export const numbered = (text: string): string =>
  linesOf(text)
    .map(({ start, end }, i) => `${i + 1}: ${text.slice(start, end).trim()}`)
    .join('\n')
