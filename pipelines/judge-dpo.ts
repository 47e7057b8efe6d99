import {
  authorOptions,
  col,
  decontaminate,
  definePipeline,
  dpoFull,
  loadTokenizer,
  locate,
  openAuthor,
  openModel,
  pairByScore,
  Pipeline,
  records,
  sampleCandidates,
  scoreCandidates,
  survivesTemplate,
} from 'fulcrum'
import { z } from 'zod'

const task = { id: col.string('task id'), problem: col.string('the task') }

/** Judge-guided DPO (Phi-4, section 4.2): answers of several models, scored by a judge, the best over the worst. */
export default definePipeline({
  name: 'judge-dpo',
  description: 'Tasks -> answers of several models -> scores of a judge -> the best over the worst',
  example:
    'fulcrum run judge-dpo --tasks tasks.jsonl --against gsm8k --writers http://localhost:8001/v1#small --model http://localhost:8000/v1#judge --template models/small',
  options: authorOptions.extend({
    tasks: z.string().describe('JSONL or Parquet with problem, and id if there is one'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    template: z
      .string()
      .describe('model folder of the model to be trained, whose chat template the messages must survive'),
    writers: z
      .array(z.string())
      .min(1)
      .describe('models that answer, the one to be trained among them; --model is the judge'),
    samples: z.int().min(1).default(4).describe('answers of each writer'),
    writerTemperature: z.number().gt(0).default(1).describe('temperature of answers'),
    longest: z.int().min(1).default(4096).describe('longest answer, tokens'),
    rubric: z
      .array(z.string().regex(/^\w+$/, 'wants names of letters, digits and _'))
      .default(['accuracy', 'completeness', 'style'])
      .describe('what is scored, each from 1 to 10'),
    votes: z.int().min(1).default(1).describe('scores that are taken of each answer'),
    gap: z.number().min(0).max(9).default(2).describe('least difference of the scores of a pair'),
    least: z.number().min(1).max(10).default(6).describe('lowest score of the better answer'),
    prompt: z.string().default('pipelines/prompts/judge-answer.md').describe('prompt that scores an answer'),
  }),
  build: async ({ against, rubric, votes, gap, least, ...options }) => {
    const apiKey = process.env.OPENAI_API_KEY
    const judge = await openAuthor(options, apiKey)
    const models = await Promise.all(options.writers.map((writer) => openModel(writer, { apiKey })))
    const template = await loadTokenizer(locate(options.template))
    const fields = ['chosen_completion', 'rejected_completion'] as const
    return Pipeline.from(records(locate(options.tasks), task))
      .through(decontaminate({ against, fields: ['problem'], as: 'problem' }))
      .through(
        sampleCandidates({
          models,
          samples: options.samples,
          ...{ temperature: options.writerTemperature, topP: 1, topK: 0, maxTokens: options.longest },
        }),
      )
      .through(
        scoreCandidates({
          ...judge,
          prompt: options.prompt,
          rubric,
          votes,
          candidates: options.samples * models.length,
        }),
      )
      .through(pairByScore({ gap, least }))
      .through(decontaminate({ against, fields }))
      .through(survivesTemplate({ template, fields }))
      .into(dpoFull({ template }))
  },
})
