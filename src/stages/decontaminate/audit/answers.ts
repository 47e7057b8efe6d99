import { words } from '../../../text/words.ts'
import { wordSpans } from '../../../text/word-spans.ts'
import type { ItemText } from '../evidence.ts'
import { itemKey } from '../judge.ts'

/** How far from a shared run the answer is looked for, bytes: a question is followed by its answer closely, and a short
 *  answer stands somewhere in any long text. */
const windowBytes = 4096

/** Words of every item's answers. Single letters are left out: `A` stands in any text. */
export function answersOf(texts: readonly ItemText[]): ReadonlyMap<string, readonly (readonly string[])[]> {
  const answers = new Map<string, (readonly string[])[]>()
  for (const text of texts) {
    if (text.field !== 'answer') continue
    const answer = words(text.text)
    if (answer.length === 0 || /^[a-z]$/.test(answer.join(''))) continue
    const key = itemKey(text)
    answers.set(key, [...(answers.get(key) ?? []), answer])
  }
  return answers
}

/** Words between any of the runs and the nearest place of an answer before or behind it; null without one near. */
export function answerDistance(
  text: Uint8Array,
  runs: readonly { readonly byteStart: number; readonly byteEnd: number }[],
  answers: readonly (readonly string[])[],
): number | null {
  let nearest: number | null = null
  for (const { byteStart, byteEnd } of runs) {
    const after = wordSpans(text.subarray(byteEnd, byteEnd + windowBytes)).words
    const before = wordSpans(text.subarray(Math.max(0, byteStart - windowBytes), byteStart)).words
    for (const answer of answers) {
      const distances = [firstPlace(after, answer), firstPlace(before.toReversed(), answer.toReversed())]
      for (const distance of distances)
        if (distance !== null && (nearest === null || distance < nearest)) nearest = distance
    }
  }
  return nearest
}

/** Words before the first place at which `wanted` stands. */
function firstPlace(within: readonly string[], wanted: readonly string[]): number | null {
  for (let start = 0; start + wanted.length <= within.length; start++)
    if (wanted.every((word, k) => within[start + k] === word)) return start
  return null
}
