import { evidenceColumns } from '../../../record/audit.ts'
import type { Row } from '../../../record/columns.ts'
import {
  coverage,
  coverageOfItem,
  type IndexedText,
  longestRun,
  type Pair,
  ratioOf,
  type Run,
  sharedNgrams,
} from '../evidence.ts'
import type { LocatedPair } from '../pairs.ts'
import type { PhraseList } from '../phrases.ts'
import type { Place } from '../places.ts'

export type EvidenceRow = Row<typeof evidenceColumns>

/** A text of the corpus that shares something with the index. */
export interface FoundText {
  readonly file: string
  readonly row: number
  readonly docId: string | null
  readonly path: string
  readonly place: Place
  /** Byte of the unescaped field at which this part of it begins. */
  readonly partStart: number
  readonly sizeBytes: number
  /** Byte of the unpacked file at which the record begins. */
  readonly recordStart: number
  /** Bytes of the record that bytes of the text were written as. */
  readonly spanInRecord: (start: number, end: number) => readonly [number, number]
}

/** A run as it is stored: with its place in the text, for showing it. */
interface StoredRun extends Run {
  readonly textStart: number
  readonly textEnd: number
  readonly span: Span
}

/** First byte in the record and the byte behind the last; of the field's own bytes for Parquet. */
type Span = readonly [start: number, end: number]

export interface StoredPair extends Pair {
  readonly runs: readonly StoredRun[]
  readonly answerWithin: number | null
  /** Its longest run; the whole text where that is the same. */
  readonly span: Span
}

/** Evidence of one pair as a row; document frequency is known only after the pass. */
export function evidenceRow(
  found: FoundText,
  pair: LocatedPair,
  { allow, answerWithin }: { readonly allow: PhraseList; readonly answerWithin: number | null },
): Omit<EvidenceRow, 'df_max'> {
  const { item } = pair
  const shared13 = sharedNgrams(pair, 13)
  const n7Hit = sharedNgrams(pair, 7).length
  const runs = pair.runs.map((run) => storedRun(found, run))
  const longest = runs.reduce<(typeof runs)[number] | null>(
    (best, run) => (best === null || run.words > best.words ? run : best),
    null,
  )
  const [start, end] =
    longest === null
      ? found.spanInRecord(0, found.sizeBytes)
      : [Number(longest.byte_start), Number(longest.byte_end)]
  return {
    train_file: found.file,
    row: BigInt(found.row),
    doc_id: found.docId,
    field_path: found.path,
    place: found.place,
    part_start: BigInt(found.partStart),
    byte_start: BigInt(start),
    byte_end: BigInt(end),
    record_start: BigInt(found.recordStart),
    entry: pair.entry,
    benchmark: item.benchmark,
    config: item.config,
    split: item.split,
    item_id: item.itemId,
    item_field: item.field,
    n7_hit: n7Hit,
    n7_train: pair.textNgrams7,
    n7_item: item.ngrams7,
    ratio7: ratioOf(pair, n7Hit),
    n13_hit: shared13.length,
    n13_allowed: shared13.filter(({ ngram }) => allow.covers(ngram) !== null).length,
    longest_run_words: longestRun(pair),
    coverage_item: coverageOfItem(pair),
    coverage_train: pair.same ? 1 : coverage(pair.runs, 'text', pair.textWords),
    answer_within_words: answerWithin,
    same_text: pair.same,
    train_words: pair.textWords,
    item_words: item.words.length,
    runs,
  }
}

function storedRun(found: FoundText, run: LocatedPair['runs'][number]): EvidenceRow['runs'][number] {
  const [start, end] = found.spanInRecord(run.byteStart, run.byteEnd)
  return {
    text_word: run.textWord,
    item_word: run.entryWord,
    words: run.words,
    byte_start: BigInt(start),
    byte_end: BigInt(end),
    text_start: BigInt(run.byteStart),
    text_end: BigInt(run.byteEnd),
  }
}

/** The pair that a stored row stands for. */
export function pairOfRow(row: EvidenceRow, items: readonly IndexedText[]): StoredPair {
  return {
    entry: row.entry,
    item: items[row.entry] as IndexedText,
    runs: row.runs.map((run) => ({
      textWord: run.text_word,
      entryWord: run.item_word,
      words: run.words,
      textStart: Number(run.text_start),
      textEnd: Number(run.text_end),
      span: [Number(run.byte_start), Number(run.byte_end)],
    })),
    same: row.same_text,
    textWords: row.train_words,
    textNgrams7: row.n7_train,
    answerWithin: row.answer_within_words,
    span: [Number(row.byte_start), Number(row.byte_end)],
  }
}
