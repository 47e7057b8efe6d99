import {
  authorOptions,
  chooseGap,
  col,
  decontaminate,
  definePipeline,
  fillGap,
  filterLanguage,
  filterLength,
  loadTokenizer,
  locate,
  map,
  numberLines,
  openAuthor,
  openModel,
  passages,
  Pipeline,
  plain,
  sft,
  survivesTemplate,
} from 'fulcrum'
import { z } from 'zod'

const gap = {
  seed_id: col.string('passage id'),
  gap_prefix: col.string('the passage before the gap'),
  gap_middle: col.string('what was taken out'),
  gap_suffix: col.string('the passage behind it'),
  gap_reason: col.string('why the model holds it to be reconstructible'),
  reconstruction: col.string('the best graded answer'),
  reconstruction_grade: col.double('its grade, 1 to 10'),
  n_reconstructions: col.int32('answers that were graded'),
  n_reconstructed: col.int32('of these, the right ones'),
  reconstruct_rate: col.double('their share'),
}
const finished = {
  id: col.string('passage it was made from'),
  trace_id: col.string('the same'),
  problem: col.string('the question with the beginning and the end'),
  completion: col.string('the best graded answer, with the reasoning before it'),
  answer: col.string('what was taken out'),
  teacher_model: col.string('model that wrote it'),
}

/** A reconstructible middle taken out, answers sampled and graded (Phi-4, appendix D.2). */
export default definePipeline({
  name: 'fill-in-the-middle',
  description: 'Passages -> a middle that can be reconstructed, taken out -> graded reconstructions',
  example:
    'fulcrum run fill-in-the-middle --passages passages.jsonl --against gsm8k --model http://localhost:8000/v1#big --template models/small',
  options: authorOptions.extend({
    passages: z
      .string()
      .default('datasets/passages/passages.jsonl')
      .describe('JSONL or Parquet with text, and id if there is one'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    template: z
      .string()
      .describe('model folder of the model to be trained, whose chat template the messages must survive'),
    judge: z.string().optional().describe('who grades; by default the model itself'),
    language: z.array(z.string()).default(['en']).describe('languages of passages that stay'),
    samples: z.int().min(1).default(4).describe('reconstructions a passage'),
    passMark: z
      .number()
      .min(1)
      .max(10)
      .default(8)
      .describe('grade from which a reconstruction is right, 1 to 10'),
    low: z.number().min(0).max(1).default(0.25).describe('share of right ones under which a gap is dropped'),
    high: z.number().min(0).max(1).default(1).describe('share over which it is too easy'),
    gapPrompt: z.string().default('pipelines/prompts/gap.md').describe('prompt that chooses a gap'),
    prompt: z.string().default('pipelines/prompts/fill-gap.md').describe('prompt that fills it'),
    gradePrompt: z.string().default('pipelines/prompts/grade-gap.md').describe('prompt that grades'),
  }),
  build: async ({ against, samples, passMark, low, high, ...options }) => {
    const apiKey = process.env.OPENAI_API_KEY
    const author = await openAuthor(options, apiKey)
    const judge =
      options.judge === undefined ? author : { ...author, model: await openModel(options.judge, { apiKey }) }
    const template = await loadTokenizer(locate(options.template))
    return Pipeline.from(passages(locate(options.passages)))
      .through(filterLength({ field: 'text', least: 30, most: 4000 }))
      .through(filterLanguage({ field: 'text', languages: options.language }))
      .through(decontaminate({ against, fields: ['text'], as: 'seed' }))
      .through(numberLines({ least: 3 }))
      .through(chooseGap({ ...author, prompt: options.gapPrompt }))
      .through(
        fillGap({
          ...author,
          judge: { ...judge, temperature: 0 },
          prompt: options.prompt,
          grading: options.gradePrompt,
          ...{ samples, passMark, low, high },
        }),
      )
      .through(
        map({
          name: 'finish',
          needs: {
            ...gap,
            prompt_messages: col.list(
              col.struct({ role: col.string('role'), content: col.string('text') }, 'one turn'),
              'the question',
            ),
          },
          adds: finished,
          each: ({ seed_id: id, gap_middle: answer, reconstruction, prompt_messages: messages }) => ({
            ...{ id, trace_id: id, answer, completion: reconstruction, teacher_model: author.model.id },
            problem: messages.at(-1)?.content ?? '',
          }),
        }),
      )
      .through(decontaminate({ against, fields: ['completion'] }))
      .into(plain('gaps', gap))
      .through(survivesTemplate({ template }))
      .into(sft({ template }))
  },
})
