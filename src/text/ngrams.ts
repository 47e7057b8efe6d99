/** Every run of n words, each joined by one space, in order and with repeats. None for texts of fewer words.
 *  Words hold no spaces, so equal strings are equal runs. */
export function ngrams(words: readonly string[], n: number): string[] {
  const runs: string[] = []
  for (let start = 0; start + n <= words.length; start++) runs.push(words.slice(start, start + n).join(' '))
  return runs
}
