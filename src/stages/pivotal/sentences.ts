/** Nodes after the last token of each sentence of a trace, ascending; the last is the trace's end. Sentences are those of
 *  Unicode's text segmentation (UAX 29), a line break ends one too; a token that begins the next sentence with the space
 *  between them belongs to the next. */
export function sentenceEnds(tokens: readonly string[]): readonly number[] {
  const ends: number[] = []
  const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
  let [node, reached] = [0, 0]
  for (const { segment, index } of segmenter.segment(tokens.join(''))) {
    const written = segment.trimEnd().length
    if (written === 0) continue
    while (node < tokens.length && reached < index + written) reached += (tokens[node++] as string).length
    if (ends.at(-1) !== node) ends.push(node)
  }
  if (ends.at(-1) !== tokens.length) ends.push(tokens.length)
  return ends
}
