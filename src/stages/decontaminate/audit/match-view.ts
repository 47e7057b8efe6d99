import type { MatchView, Piece } from '../../../store/audit-summary.ts'
import { words } from '../../../text/words.ts'
import { type WordSpans, wordSpans } from '../../../text/word-spans.ts'
import { coverageOfItem, longestRun } from '../evidence.ts'
import { placedTexts, valueAt } from '../places.ts'
import type { EvidenceGroup } from './evidence-groups.ts'
import type { StoredPair } from './evidence-row.ts'
import type { JudgedText } from './judge-row.ts'

/** Both texts of a verdict side by side, with what they share marked; null where the record was not kept. */
export function matchView(
  group: EvidenceGroup,
  text: JudgedText,
  answers: readonly (readonly string[])[],
): MatchView | null {
  const { verdict } = text
  const { pair } = verdict
  if (pair === null || group.record === null) return null
  const train = textOf(group, text)
  if (train === null) return null
  const item = Buffer.from(pair.item.text)
  const itemSpans = wordSpans(item)
  return {
    train_file: group.file,
    row: group.row,
    doc_id: group.docId,
    field_path: text.path,
    place: text.place,
    status: verdict.status,
    reason: verdict.reason ?? '',
    score: verdict.score,
    benchmark: pair.item.benchmark,
    item_id: pair.item.itemId,
    item_field: pair.item.field,
    longest_run_words: longestRun(pair),
    coverage_item: coverageOfItem(pair),
    answer_within_words: pair.answerWithin,
    ties: verdict.ties.map((tie) => `${tie.benchmark} ${tie.itemId}`),
    train: pieces(train, trainMarks(train, pair, verdict.excluded, answers)),
    item: pieces(item, itemMarks(itemSpans, pair, verdict.excluded, answers)),
  }
}

/** The part of the field that was judged, UTF-8. */
function textOf({ record, evidence }: EvidenceGroup, { path, place }: JudgedText): Buffer | null {
  const value: unknown = JSON.parse(record ?? 'null')
  const field = valueAt(value, path)
  if (typeof field !== 'string') return null
  const start = evidence.find((row) => row.field_path === path && row.place === place)?.part_start ?? 0n
  const part = placedTexts(value, path, field).find(({ byteStart }) => BigInt(byteStart) === start)
  return part === undefined ? null : Buffer.from(part.text)
}

interface Mark {
  readonly start: number
  readonly end: number
  readonly mark: Piece['mark']
}

/** Bytes around marks that are shown, and the longest piece shown whole. */
const around = 200
const longest = 1600
/** An answer is marked only near what is shared. */
const near = 400

function trainMarks(
  text: Buffer,
  pair: StoredPair,
  excluded: readonly string[],
  answers: readonly (readonly string[])[],
): Mark[] {
  if (pair.same) return [{ start: 0, end: text.length, mark: 'run13' }]
  const marks = pair.runs.map(({ textStart: start, textEnd: end, words: length }) => mark(start, end, length))
  const close = pair.runs.slice(0, 16).flatMap((run) => {
    const start = Math.max(0, run.textStart - near)
    const spans = wordSpans(text.subarray(start, run.textEnd + near))
    return [...places(spans, excluded.map(split), 'allowed'), ...places(spans, answers, 'answer')].map(
      (found) => ({ ...found, start: found.start + start, end: found.end + start }),
    )
  })
  return [...marks, ...close]
}

function itemMarks(
  spans: WordSpans,
  pair: StoredPair,
  excluded: readonly string[],
  answers: readonly (readonly string[])[],
): Mark[] {
  const size = spans.words.length
  const runs = pair.same ? [{ entryWord: 0, words: size }] : pair.runs
  return [
    ...runs.map((run) =>
      mark(
        spans.starts[run.entryWord] ?? 0,
        spans.ends[run.entryWord + run.words - 1] ?? 0,
        pair.same ? 13 : run.words,
      ),
    ),
    ...places(spans, excluded.map(split), 'allowed'),
    ...places(spans, answers, 'answer'),
  ]
}

const mark = (start: number, end: number, length: number): Mark => ({
  start,
  end,
  mark: length >= 13 ? 'run13' : 'run7',
})

const split = (ngram: string): string[] => words(ngram)

/** Where any of the wanted word sequences stands. */
function places(spans: WordSpans, wanted: readonly (readonly string[])[], as: Piece['mark']): Mark[] {
  const found: Mark[] = []
  for (const sequence of wanted) {
    for (let at = 0; at + sequence.length <= spans.words.length; at++) {
      if (!sequence.every((word, k) => spans.words[at + k] === word)) continue
      found.push({
        start: spans.starts[at] as number,
        end: spans.ends[at + sequence.length - 1] as number,
        mark: as,
      })
    }
  }
  return found
}

const strength: Readonly<Record<Piece['mark'], number>> = {
  gap: 0,
  '': 0,
  run7: 1,
  run13: 2,
  allowed: 3,
  answer: 4,
}

/** The text cut at its marks, what is far from any left out. Where marks overlap the stronger is shown. */
function pieces(text: Buffer, marks: readonly Mark[]): Piece[] {
  const cuts = new Set([0, text.length])
  for (const { start, end } of marks) {
    cuts.add(start)
    cuts.add(end)
    cuts.add(clear(text, Math.max(0, start - around)))
    cuts.add(clear(text, Math.min(text.length, end + around)))
  }
  const edges = [...cuts].sort((a, b) => a - b)
  const out: { start: number; end: number; mark: Piece['mark'] }[] = []
  edges.slice(0, -1).forEach((start, i) => {
    const end = edges[i + 1] as number
    const covering = marks.filter((one) => one.start <= start && one.end >= end)
    const best = covering.reduce<Piece['mark']>(
      (most, one) => (strength[one.mark] > strength[most] ? one.mark : most),
      '',
    )
    const shown = marks.some((one) => start >= one.start - around - 4 && end <= one.end + around + 4)
    const as = shown ? best : 'gap'
    const last = out.at(-1)
    if (last !== undefined && last.mark === as) last.end = end
    else out.push({ start, end, mark: as })
  })
  return out.slice(0, 60).flatMap((piece) => written(text, piece))
}

function written(
  text: Buffer,
  { start, end, mark: as }: { start: number; end: number; mark: Piece['mark'] },
): Piece[] {
  const size = end - start
  if (as === 'gap' && size <= around) return [{ text: text.toString('utf8', start, end), mark: '' }]
  if (as === 'gap') return [{ text: `${size.toLocaleString('en-US')} bytes`, mark: 'gap' }]
  if (size <= longest) return [{ text: text.toString('utf8', start, end), mark: as }]
  const [first, second] = [clear(text, start + longest / 2), clear(text, end - longest / 2)]
  return [
    { text: text.toString('utf8', start, first), mark: as },
    { text: `${(second - first).toLocaleString('en-US')} bytes`, mark: 'gap' },
    { text: text.toString('utf8', second, end), mark: as },
  ]
}

/** The nearest byte at or behind one that begins a character. */
function clear(text: Buffer, at: number): number {
  while (at < text.length && ((text[at] as number) & 0xc0) === 0x80) at++
  return at
}
