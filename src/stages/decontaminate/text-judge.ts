import { cachedTextIndex } from '../../store/index-cache.ts'
import { createTextScanner, type MatchRun } from '../../text/scan.ts'
import { indexedText, type ItemText } from './evidence.ts'
import { judgeText, type TextVerdict } from './judge.ts'
import { type LocatedPair, pairsOf } from './pairs.ts'
import type { Judging } from './rules.ts'

/** A verdict with the longest run it rests on, in bytes of the text. */
export interface FoundVerdict extends TextVerdict<LocatedPair> {
  readonly span: Pick<MatchRun, 'byteStart' | 'byteEnd'> | null
}

/** Judges one text against all items. */
export type TextJudge = (text: string) => FoundVerdict

const nothing: FoundVerdict = {
  ...judgeText<LocatedPair>([], {} as Judging),
  span: null,
}

/** A judge of texts against the given texts of items; `deciding` names the kinds of them that count, all by default. */
export async function createTextJudge(
  texts: readonly ItemText[],
  judging: Judging,
  deciding?: readonly ItemText['field'][],
): Promise<TextJudge> {
  const { index } = await cachedTextIndex(texts.map(({ text }) => text))
  const scanner = await createTextScanner(index)
  const items = texts.map(indexedText)
  const encoder = new TextEncoder()
  return (text) => {
    const bytes = encoder.encode(text)
    const matches = scanner.scan(bytes)
    if (matches === null) return nothing
    const pairs = pairsOf(text, matches, items)
    const counted = deciding === undefined ? pairs : pairs.filter(({ item }) => deciding.includes(item.field))
    const verdict = judgeText(counted, judging)
    return { ...verdict, span: spanOf(verdict.pair, bytes.length) }
  }
}

function spanOf(pair: LocatedPair | null, sizeBytes: number): FoundVerdict['span'] {
  if (pair === null) return null
  if (pair.same) return { byteStart: 0, byteEnd: sizeBytes }
  return pair.runs.reduce((longest, run) => (run.words > longest.words ? run : longest))
}
