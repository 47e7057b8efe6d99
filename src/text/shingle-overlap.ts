/** Jaccard similarity of the runs of `length` items in two lists, as multisets: 1 for equal lists, 0 with no run in common.
 *  Lists shorter than a run count as one run. */
export function shingleOverlap(a: readonly string[], b: readonly string[], length: number): number {
  const [inA, inB] = [countsOf(a, length), countsOf(b, length)]
  let [shared, all] = [0, 0]
  for (const [shingle, count] of inA) {
    shared += Math.min(count, inB.get(shingle) ?? 0)
    all += Math.max(count, inB.get(shingle) ?? 0)
  }
  for (const [shingle, count] of inB) if (!inA.has(shingle)) all += count
  return all === 0 ? 1 : shared / all
}

function countsOf(items: readonly string[], length: number): Map<string, number> {
  const counts = new Map<string, number>()
  const last = Math.max(0, items.length - length)
  for (let from = 0; from <= last && from < items.length; from++) {
    const shingle = items.slice(from, from + length).join('\u0000')
    counts.set(shingle, (counts.get(shingle) ?? 0) + 1)
  }
  return counts
}

/** Names, numbers, strings and signs of a program in any language; comments are left out. One pass, whatever is left open. */
export function codeTokens(code: string): string[] {
  return (code.match(token) ?? []).filter((found) => !/^(?:\/\*|\/\/|#)/.test(found))
}

const token =
  /\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*|#[^\n]*|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[\p{L}_][\p{L}\p{N}_]*|\p{N}[\p{L}\p{N}_.]*|[^\s\p{L}\p{N}_]/gu
