import {
  ask,
  authorOptions,
  col,
  decontaminate,
  definePipeline,
  filterLanguage,
  filterLength,
  findExcerpts,
  jsonReply,
  locate,
  numberLines,
  openAuthor,
  passages,
  Pipeline,
  plain,
} from 'fulcrum'
import { z } from 'zod'

const excerpt = {
  excerpt_id: col.string('passage and number of the excerpt'),
  excerpt_text: col.string('the lines of the passage, as they stand there'),
  excerpt_steps: col.list(col.string('step'), 'steps of its reasoning, in order'),
}
const pair = {
  id: col.string('excerpt and number of the question'),
  problem: col.string('the question'),
  answer: col.string('its answer'),
  deduction_steps: col.list(col.string('step'), 'how the answer follows from what the question gives'),
}
const metadata = {
  seed_id: col.string('passage it was made from'),
  excerpt_start_line: col.int32('number of the first line of the excerpt, from 1'),
  excerpt_end_line: col.int32('number of its last line'),
  information_type: col.string('kind of information'),
  excerpt_description: col.string('what the excerpt says, in one sentence'),
  excerpt_complexity: col.int32('1 plain to 5 hard to follow'),
  factual_obscurity: col.int32('1 known to everybody to 5 to hardly anybody'),
  excerpt_dependencies: col.list(col.string('dependency'), 'what must be known before'),
}
const checks = ['self_contained', 'follows', 'grounded', 'unique'] as const
const checked = { checked_by: col.string('model that held the question to be grounded and its answer right') }

/** Passages to question and answer by their chains of deduction (Phi-4, section 2.2 and appendix D.1.1). */
export default definePipeline({
  name: 'qa-extraction',
  description: 'Passages -> excerpts that hold reasoning -> question and answer, checked against the excerpt',
  example:
    'fulcrum run qa-extraction --passages passages.jsonl --against gsm8k --model http://localhost:8000/v1#big',
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
    count: z.int().min(1).default(3).describe('excerpts a passage, and pairs an excerpt, at most'),
    leastComplexity: z
      .int()
      .min(1)
      .max(5)
      .default(2)
      .describe('excerpts that are plainer are left out, 1 to 5'),
    excerptPrompt: z.string().default('pipelines/prompts/excerpts.md').describe('prompt that marks excerpts'),
    prompt: z.string().default('pipelines/prompts/deduction.md').describe('prompt that asks for pairs'),
    checkPrompt: z.string().default('pipelines/prompts/grounded.md').describe('prompt that checks a pair'),
  }),
  build: async ({ against, language, count, leastComplexity, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    return Pipeline.from(passages(locate(options.passages)))
      .through(filterLength({ field: 'text', least: 30, most: 4000 }))
      .through(filterLanguage({ field: 'text', languages: language }))
      .through(decontaminate({ against, fields: ['text'], as: 'seed' }))
      .through(numberLines())
      .through(findExcerpts({ ...author, prompt: options.excerptPrompt, count, leastComplexity }))
      .through(
        ask({
          ...author,
          name: 'askPairs',
          needs: excerpt,
          adds: pair,
          key: 'excerpt_id',
          prompt: options.prompt,
          settings: { count },
          reply: jsonReply(
            z.object({
              pairs: z.array(
                z.object({
                  question: z.string().min(1),
                  steps: z.array(z.string()),
                  answer: z.string().min(1),
                }),
              ),
            }),
          ),
          empty: 'no question',
          each: ({ pairs }, { excerpt_id: id }) =>
            pairs.slice(0, count).map(({ question, steps, answer }, i) => ({
              id: `${id}-q${i}`,
              problem: question,
              answer,
              deduction_steps: steps,
            })),
        }),
      )
      .through(decontaminate({ against, fields: ['problem'] }))
      .through(
        ask({
          ...author,
          name: 'checkPair',
          needs: { ...excerpt, ...pair },
          adds: checked,
          key: 'id',
          prompt: options.checkPrompt,
          reply: jsonReply(z.object(Object.fromEntries(checks.map((name) => [name, z.boolean()])))),
          each: (verdict) => {
            const failed = checks.find((name) => verdict[name] !== true)
            return failed === undefined ? [{ checked_by: author.model.id }] : { drop: `not ${failed}` }
          },
        }),
      )
      .into(plain('questions', { ...pair, ...checked, ...excerpt, ...metadata }))
  },
})
