import { z } from 'zod'

const count = z.int().nonnegative()
const status = z.enum(['clean', 'partial', 'contaminated'])

/** A count of so many, with its 95 % Wilson interval. */
const rate = z.strictObject({ count, of: count, low: z.number(), high: z.number() })

const file = z.strictObject({
  file: z.string(),
  rows: count,
  bytes: count,
  skipped: z.array(z.strictObject({ reason: z.string(), rows: count })),
  /** What broke the file off, if anything did: what lies behind was not read. */
  damage: z.string().nullable(),
})

/** What was looked for in one split of one benchmark, and what cannot be seen of it. */
const looked = z.strictObject({
  benchmark: z.string(),
  config: z.string(),
  split: z.string(),
  items: count,
  texts: count,
  duplicate_ids: count,
  undetectable_13: count,
  undetectable_7: count,
  key_only: count,
  without_feature: z.array(z.string()),
})

/** What one scan was of; verdicts of any rule refer to it. */
export const scanSchema = z.strictObject({
  index: z.strictObject({ sha256: z.string(), texts: count, ngrams7: count, bytes: count }),
  corpus: z.strictObject({
    files: z.array(file),
    rows: count,
    bytes: count,
    words: count,
    rows_without_text: count,
    fields: z.array(z.strictObject({ path: z.string(), texts: count })),
  }),
  benchmarks: z.array(looked),
})

const rateOfKind = z.strictObject({
  kind: z.string(),
  expected: z.enum(['found', 'clean']),
  contaminated: rate,
  partial: count,
})

const selfTest = z.strictObject({ seed: z.int(), hosts: count, items: count, kinds: z.array(rateOfKind) })

const review = z.strictObject({
  rows: count,
  paraphrase: rate,
  numbers: rate,
  least_paraphrase: z.number(),
  least_masked: z.number(),
})

const piece = z.strictObject({
  text: z.string(),
  mark: z.enum(['', 'run13', 'run7', 'answer', 'allowed', 'gap']),
})

const match = z.strictObject({
  train_file: z.string(),
  row: count,
  doc_id: z.string().nullable(),
  field_path: z.string(),
  place: z.string(),
  status,
  reason: z.string(),
  score: z.number(),
  benchmark: z.string(),
  item_id: z.string(),
  item_field: z.string(),
  longest_run_words: count,
  coverage_item: z.number(),
  answer_within_words: z.number().nullable(),
  ties: z.array(z.string()),
  train: z.array(piece),
  item: z.array(piece),
})

/** Everything an audit found, in numbers, with examples: audit.json. */
export const auditSummarySchema = z.strictObject({
  format: z.literal('fulcrum-audit/1'),
  fulcrum: z.string(),
  status,
  judged_by: z.strictObject({
    rule: z.string(),
    meaning: z.string(),
    info: z.number(),
    contaminated: z.number(),
    least_ngrams: count,
    common_rows: count,
    item_fields: z.array(z.string()),
    allow: z.array(z.record(z.string(), z.string())),
    deny: z.array(z.record(z.string(), z.string())),
  }),
  scan: scanSchema,
  rows: z.strictObject({ contaminated: rate, partial: rate, with_evidence: count }),
  places: z.array(z.strictObject({ place: z.string(), contaminated: count, partial: count })),
  sources: z.array(z.strictObject({ file: z.string(), contaminated: rate, partial: count })),
  benchmarks: z.array(
    z.strictObject({
      benchmark: z.string(),
      config: z.string(),
      split: z.string(),
      contaminated: rate,
      partial: count,
      question_only: count,
      question_and_answer: count,
      answer_only: count,
      rows: count,
      contaminated_ids: z.array(z.string()),
    }),
  ),
  exclusions: z.array(
    z.strictObject({ ngram: z.string(), why: z.string(), rows: count, would_have_removed: count }),
  ),
  frequent: z.array(z.strictObject({ ngram: z.string(), rows: count, texts: count })),
  matches: z.array(match),
  self_test: selfTest.nullable(),
  review: review.nullable(),
})

export type AuditSummary = z.infer<typeof auditSummarySchema>
export type Scan = z.infer<typeof scanSchema>
export type Rate = z.infer<typeof rate>
export type MatchView = z.infer<typeof match>
export type Piece = z.infer<typeof piece>
export type SelfTest = z.infer<typeof selfTest>
export type Review = z.infer<typeof review>
