import { words } from '../../text/words.ts'

/** Chooses texts far from each other: first the shortest, then again and again the one whose nearest chosen text is
 *  farthest (greedy max-min, at least half of the best spread: Ravi, Rosenkrantz and Tayi 1994). Distance is one minus the
 *  Jaccard similarity of the sets of word n-grams. Gives indices in the order of choice; of equals the earlier. */
export function farApart(texts: readonly string[], count: number, ngram: number): number[] {
  const sets = texts.map((text) => ngramsOf(text, ngram))
  const shortest = texts.reduce(
    (best, text, i) => (text.length < (texts[best] as string).length ? i : best),
    0,
  )
  const chosen = texts.length === 0 ? [] : [shortest]
  const nearest = texts.map((_, i) => distance(sets[i] as Set<string>, sets[shortest] as Set<string>))
  while (chosen.length < Math.min(count, texts.length)) {
    let next = -1
    for (const [i, far] of nearest.entries())
      if (!chosen.includes(i) && (next < 0 || far > (nearest[next] as number))) next = i
    chosen.push(next)
    for (const [i, set] of sets.entries())
      nearest[i] = Math.min(nearest[i] as number, distance(set, sets[next] as Set<string>))
  }
  return chosen
}

/** A text of fewer words is one n-gram. */
function ngramsOf(text: string, n: number): Set<string> {
  const all = words(text)
  const grams = new Set<string>()
  for (let at = 0; at + n <= Math.max(all.length, n); at++) grams.add(all.slice(at, at + n).join(' '))
  return grams
}

function distance(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let both = 0
  for (const gram of a) if (b.has(gram)) both++
  return 1 - both / (a.size + b.size - both)
}
