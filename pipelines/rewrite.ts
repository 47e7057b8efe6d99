import {
  ask,
  authorOptions,
  col,
  decontaminate,
  definePipeline,
  expand,
  filterLanguage,
  filterLength,
  jsonReply,
  locate,
  openAuthor,
  passages,
  Pipeline,
  plain,
  taggedReply,
} from 'fulcrum'
import { z } from 'zod'

const seed = { seed_id: col.string('passage it was made from'), text: col.string('the passage') }
const outline = { outline: col.string('facts of the passage and how they hang together, as JSON') }
const kind = {
  rewrite_id: col.string('passage and kind of the text'),
  kind: col.string('exercise, discussion or reasoning'),
}
const rewritten = { rewritten: col.string('the new text') }
const quality = {
  faithful: col.int32('1 contradicts the passage to 10 nothing wrong, by the model'),
  substance: col.int32('how much of the passage it teaches, 1 to 10, by the model'),
}
const rating = z.int().min(1).max(10)
const kinds = ['exercise', 'discussion', 'reasoning'] as const

/** Passages rewritten as exercise, discussion and reasoning task, in steps (Phi-4, section 2.2). */
export default definePipeline({
  name: 'rewrite',
  description: 'Passages -> outline -> exercise, discussion and reasoning task, checked against the passage',
  example:
    'fulcrum run rewrite --passages passages.jsonl --against gsm8k --model http://localhost:8000/v1#big',
  options: authorOptions.extend({
    passages: z
      .string()
      .default('datasets/passages/passages.jsonl')
      .describe('JSONL or Parquet with text, and id if there is one'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    language: z.array(z.string()).default(['en']).describe('languages of passages that stay'),
    kinds: z
      .array(z.enum(kinds))
      .default([...kinds])
      .describe('what is written of each passage'),
    least: z.int().min(1).max(10).default(7).describe('lowest score of a text, in either respect'),
  }),
  build: async ({ against, language, least, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    return Pipeline.from(passages(locate(options.passages)))
      .through(filterLength({ field: 'text', least: 30, most: 4000 }))
      .through(filterLanguage({ field: 'text', languages: language }))
      .through(decontaminate({ against, fields: ['text'], as: 'seed' }))
      .through(
        ask({
          ...author,
          name: 'outline',
          needs: seed,
          adds: outline,
          key: 'seed_id',
          prompt: 'pipelines/prompts/rewrite-outline.md',
          reply: jsonReply(z.object({ facts: z.array(z.string()).min(1), relations: z.array(z.string()) })),
          each: (found) => [{ outline: JSON.stringify(found, null, 1) }],
        }),
      )
      .through(
        expand({
          name: 'kinds',
          needs: { seed_id: seed.seed_id },
          adds: kind,
          options: { kinds: options.kinds },
          each: ({ seed_id: id }) =>
            [...new Set(options.kinds)].map((name) => ({ rewrite_id: `${id}-${name}`, kind: name })),
        }),
      )
      .through(
        ask({
          ...author,
          name: 'write',
          needs: { ...outline, ...kind },
          adds: rewritten,
          key: 'rewrite_id',
          prompt: {
            by: 'kind',
            files: Object.fromEntries(kinds.map((name) => [name, `pipelines/prompts/rewrite-${name}.md`])),
          },
          reply: taggedReply(['rewritten']),
          each: (found) => [found],
        }),
      )
      .through(decontaminate({ against, fields: ['rewritten'] }))
      .through(
        ask({
          ...author,
          name: 'checkText',
          needs: { ...seed, ...kind, ...rewritten },
          adds: quality,
          key: 'rewrite_id',
          prompt: 'pipelines/prompts/rewrite-check.md',
          settings: { least },
          reply: jsonReply(z.object({ faithful: rating, substance: rating })),
          each: (found) =>
            Math.min(found.faithful, found.substance) < least ? { drop: `a score under ${least}` } : [found],
        }),
      )
      .into(plain('rewrites', { ...kind, ...rewritten, ...quality, ...seed }))
  },
})
