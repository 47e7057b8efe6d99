import {
  ask,
  authorOptions,
  col,
  decontaminate,
  definePipeline,
  filterLanguage,
  filterLength,
  jsonReply,
  locate,
  openAuthor,
  passages,
  Pipeline,
  plain,
} from 'fulcrum'
import { z } from 'zod'

const rating = z.int().min(1).max(10)
const scores = {
  educational: col.int32('how much a course could use the passage, 1 to 10, by the model'),
  factual: col.int32('facts that can be checked, likewise'),
  reasoning: col.int32('reasoning that it holds, likewise'),
}
const question = {
  id: col.string('passage and number of the question'),
  problem: col.string('the question'),
  topic: col.string('what it is about, by the model'),
  difficulty: col.int32('1 school to 5 experts, by the model'),
}
const seed = { seed_id: col.string('passage it was made from'), text: col.string('the passage') }

/** Seed passages, chosen by what can be learned from them, to questions (Phi-4, section 2.2). */
export default definePipeline({
  name: 'seeds-to-questions',
  description: 'Seed passages -> the best of them -> questions without answers',
  example:
    'fulcrum run seeds-to-questions --passages passages.jsonl --against gsm8k --model http://localhost:8000/v1#big',
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
    least: z.int().min(1).max(10).default(5).describe('lowest score of a passage, in each respect'),
    count: z.int().min(1).default(4).describe('questions a passage'),
    scorePrompt: z
      .string()
      .default('pipelines/prompts/seed-score.md')
      .describe('prompt that scores a passage'),
    prompt: z.string().default('pipelines/prompts/questions.md').describe('prompt that asks for questions'),
  }),
  build: async ({ against, language, least, count, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    return Pipeline.from(passages(locate(options.passages)))
      .through(filterLength({ field: 'text', least: 30, most: 4000 }))
      .through(filterLanguage({ field: 'text', languages: language }))
      .through(decontaminate({ against, fields: ['text'], as: 'seed' }))
      .through(
        ask({
          ...author,
          name: 'scoreSeed',
          needs: seed,
          adds: scores,
          key: 'seed_id',
          prompt: options.scorePrompt,
          settings: { least },
          reply: jsonReply(z.object({ educational: rating, factual: rating, reasoning: rating })),
          each: (found) =>
            Math.min(...Object.values(found)) < least ? { drop: `a score under ${least}` } : [found],
        }),
      )
      .through(
        ask({
          ...author,
          name: 'askQuestions',
          needs: seed,
          adds: question,
          key: 'seed_id',
          prompt: options.prompt,
          settings: { count },
          reply: jsonReply(
            z.object({
              questions: z.array(
                z.object({
                  question: z.string().min(1),
                  topic: z.string(),
                  difficulty: z.int().min(1).max(5),
                }),
              ),
            }),
          ),
          empty: 'no questions',
          each: ({ questions }, { seed_id: id }) =>
            questions
              .slice(0, count)
              .map(({ question: problem, ...rest }, i) => ({ id: `${id}-q${i}`, problem, ...rest })),
        }),
      )
      .through(decontaminate({ against, fields: ['problem'] }))
      .into(plain('questions', { ...question, ...scores, ...seed }))
  },
})
