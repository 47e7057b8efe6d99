import { col } from './columns.ts'

const run = col.struct(
  {
    text_word: col.int32('first word of the run in the text'),
    item_word: col.int32('first word of it in the indexed text'),
    words: col.int32('its length'),
    byte_start: col.int64('first byte of it in the record'),
    byte_end: col.int64('byte behind it in the record'),
    text_start: col.int64('first byte of it in the text'),
    text_end: col.int64('byte behind it in the text'),
  },
  'a maximal run of shared words, 7 or more',
)

const where = {
  train_file: col.string('corpus file'),
  row: col.int64('line or Parquet row, from 1'),
  doc_id: col.nullable(col.string("the record's own id, where it has one")),
}

const item = {
  benchmark: col.string('benchmark'),
  config: col.string('its config; empty where it has none'),
  split: col.string('its split; empty where it has none'),
  item_id: col.string("the item's id, else its row number from 1"),
}

/** One row for each text of the corpus and indexed text that share a 7-gram, or are the same short text. */
export const evidenceColumns = {
  ...where,
  field_path: col.string('field of the record, as messages[2].content'),
  place: col.string('prompt, trace (inside <think>), answer, or text where the field does not say'),
  part_start: col.int64(
    'where this part of the field begins, bytes of the unescaped field; a field with a trace has parts',
  ),
  byte_start: col.int64(
    'where the longest run begins: byte of the record (of the field, for Parquet), escapes counted as written',
  ),
  byte_end: col.int64('byte behind it'),
  record_start: col.int64('where the record begins in the unpacked file, bytes; 0 for Parquet'),
  entry: col.int32('row of items.parquet, from 0'),
  ...item,
  item_field: col.string(
    'which text of the item: question, question+choices, choice, answer, solution, context',
  ),
  n7_hit: col.int32('distinct 7-grams in both'),
  n7_train: col.int32('distinct 7-grams of the text'),
  n7_item: col.int32('distinct 7-grams of the indexed text'),
  ratio7: col.double('n7_hit over the smaller of n7_train and n7_item'),
  n13_hit: col.int32('distinct 13-grams in both'),
  n13_allowed: col.int32('of these, how many the lists given to the scan allow'),
  longest_run_words: col.int32('longest shared run, words'),
  coverage_item: col.double('share of the indexed text in shared runs'),
  coverage_train: col.double('share of the text in shared runs'),
  df_max: col.int64('corpus rows that hold the most frequent of the shared 7-grams'),
  answer_within_words: col.nullable(
    col.int32(
      "words between a shared run and the item's answer in the text, within 4 KiB of it; null if not there",
    ),
  ),
  same_text: col.bool('the indexed text has under 13 words and the text is exactly these words'),
  train_words: col.int32('words of the text'),
  item_words: col.int32('words of the indexed text'),
  runs: col.list(run, 'every maximal shared run, in the order of the text'),
}

/** One row for each indexed text of a benchmark: what evidence points to. */
export const itemColumns = {
  ...item,
  field: col.string('which text of the item'),
  text: col.string('the text'),
  df: col.list(col.int64('rows'), 'corpus rows that hold the 7-gram at each of its words'),
}

/** One row a judged row, text and item field; null stands for all. */
export const verdictColumns = {
  ...where,
  field_path: col.nullable(col.string('field judged; null: the whole row')),
  place: col.nullable(col.string('prompt, trace, answer or text; null: the whole row')),
  item_field: col.nullable(col.string('texts of items looked at; null: all')),
  status: col.string('clean, partial or contaminated'),
  reason: col.nullable(
    col.string('what decided: denied, short item, 13-gram, 7-gram, 8-grams, tokens, longest run'),
  ),
  score: col.double("the rule's measure, 0 to 1"),
  benchmark: col.nullable(col.string('benchmark of the item named')),
  config: col.nullable(col.string('its config')),
  split: col.nullable(col.string('its split')),
  item_id: col.nullable(col.string('its id')),
  entry: col.nullable(col.int32('its row in items.parquet')),
  ngram: col.nullable(col.string('the n-gram that decided, where one did')),
  ties: col.list(col.string('benchmark item'), 'items that fit exactly as well'),
}

/** Rows that the verdict takes out of the corpus, whole. */
export const removedColumns = {
  ...where,
  reason: col.string('what decided, and the item'),
  record: col.nullable(col.string('the record as it stood; null where evidence was too weak to keep it')),
}

/** Records with evidence worth showing, as they stood in the corpus. */
export const keptRecordColumns = { ...where, record: col.string('the line of JSON; Parquet rows as JSON') }

/** Texts to look at by eye; no verdict rests on them. */
export const reviewColumns = {
  ...where,
  field_path: col.string('field of the record'),
  ...item,
  review_paraphrase: col.double(
    'share of the weight of the rare words of the item that the text has, 0 to 1',
  ),
  review_numbers: col.bool('the text has the same set of numbers'),
  review_masked: col.double(
    '7-gram ratio with all numbers masked; above the info threshold the text is a variant',
  ),
  kind: col.string('paraphrase, or numbers changed'),
}
