import { z } from 'zod'

/** Where a text stands in a record: a key, or keys with dots between. */
const path = z.string().min(1)

const textField = z.union([
  path,
  z.strictObject({
    path,
    /** Only what comes before the first of these is meant. */
    before: z.union([z.string().min(1), z.array(z.string().min(1))]).optional(),
  }),
])

/** How the answer is told: as a text, by a place among the choices, by a choice's label, or after `####`. */
const answerForms = ['text', 'index-from-0', 'index-from-1', 'letter', 'label', 'after-hashes'] as const

export const columnsSchema = z.strictObject({
  /** The first that a record has; else its row number. */
  id: z.array(path).default([]),
  /** Every one that a record has is a question text of its own: texts, lists of texts, chats. */
  question: z.array(textField).default([]),
  /** A text each, a list of texts, or { text: [...], label: [...] }. */
  choices: z.array(path).default([]),
  answer: z.array(z.strictObject({ path, is: z.enum(answerForms) })).default([]),
  context: z.array(textField).default([]),
  solution: z.array(textField).default([]),
})

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const dataset = z.string().regex(/^[\w.-]+\/[\w.-]+$/)

const partSchema = z.strictObject({
  /** Where it is another than the benchmark's. */
  dataset: dataset.optional(),
  config: z.string().min(1),
  split: z.string().min(1),
  /** Paths in the dataset, where they do not follow from config and split. */
  files: z.array(z.string().min(1)).min(1).optional(),
  /** Items, as the dataset's card says. */
  rows: z.int().positive().nullable(),
  /** Of each file in their order; null until known. */
  sha256: z.array(sha256).min(1).nullable(),
})

const hubSchema = z.strictObject({
  kind: z.literal('hub'),
  dataset,
  /** Branch or ref that is asked for while `commit` is null. */
  revision: z.string().min(1),
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .nullable(),
  gated: z.boolean(),
})

const nowhereSchema = z.strictObject({ kind: z.literal('unobtainable'), reason: z.string().min(1) })

/** One file of datasets/benchmarks. */
export const benchmarkSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
    title: z.string().min(1),
    /** As the dataset's card or the authors say; else "unknown: check before use". */
    licence: z.string().min(1),
    source: z.discriminatedUnion('kind', [hubSchema, nowhereSchema]),
    parts: z.array(partSchema),
    columns: columnsSchema,
    note: z.string().min(1).optional(),
  })
  .refine(({ source, parts }) => (source.kind === 'hub') === parts.length > 0, {
    error: 'a benchmark of the Hub has parts, an unobtainable one has none',
  })
  .refine(({ source, columns }) => source.kind !== 'hub' || columns.question.length > 0, {
    error: 'no question column',
  })
  .refine(
    ({ source, parts }) =>
      (source.kind === 'hub' && source.commit !== null) || parts.every(({ sha256 }) => sha256 === null),
    { error: 'a sha256 without the commit it belongs to' },
  )

export type Benchmark = z.output<typeof benchmarkSchema>
export type BenchmarkPart = Benchmark['parts'][number]
export type Columns = z.output<typeof columnsSchema>
export type TextField = z.output<typeof textField>
export type AnswerForm = (typeof answerForms)[number]
