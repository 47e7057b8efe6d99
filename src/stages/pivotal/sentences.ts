/** Nodes after the last token of each step of a trace, ascending; the last is the trace's end. A step ends where a sentence of
 *  Unicode's text segmentation (UAX 29) does, with a line break, and after each of the texts in `stepEnds`. Line breaks
 *  belong to the step before them; a token that begins the next step with the space between the two belongs to the next. */
export function sentenceEnds(tokens: readonly string[], stepEnds: readonly string[] = []): readonly number[] {
  const ends: number[] = []
  let [node, reached] = [0, 0]
  for (const end of textEnds(tokens.join(''), stepEnds)) {
    while (node < tokens.length && reached < end) reached += (tokens[node++] as string).length
    if (ends.at(-1) !== node) ends.push(node)
  }
  const rest = tokens.slice(ends.at(-1) ?? 0).join('')
  // Blanks at the end go to the last step.
  if (rest.trim() === '') ends.pop()
  return [...ends, tokens.length]
}

/** Where in a text its steps end, in UTF-16 units. What is blank is no step of its own. */
function textEnds(text: string, stepEnds: readonly string[]): readonly number[] {
  const all = new Set([...sentences(text), ...stepEnds.flatMap((end) => after(text, end))])
  const ends: number[] = []
  for (const end of [...all].sort((a, b) => a - b)) {
    const step = text.slice(ends.at(-1) ?? 0, end)
    if (step.trim() !== '') ends.push(end)
    else if (ends.length > 0 && lineBreak.test(step)) ends[ends.length - 1] = end
  }
  return ends
}

/** Of Unicode's: the space after them is left to the next one, a line break is not. */
function sentences(text: string): readonly number[] {
  const segments = new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)
  return Array.from(segments, ({ segment, index }) => {
    const written = lineBreak.test(segment) ? segment : segment.trimEnd()
    return index + written.length
  })
}

const lineBreak = /[\n\r\u0085\u2028\u2029]\s*$/

function after(text: string, end: string): readonly number[] {
  const found: number[] = []
  for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + end.length))
    found.push(at + end.length)
  return found
}
