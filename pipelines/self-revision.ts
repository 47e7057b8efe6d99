import {
  authorOptions,
  col,
  decontaminate,
  definePipeline,
  generateTraces,
  loadTokenizer,
  locate,
  map,
  openAuthor,
  Pipeline,
  records,
  revise,
  sft,
  survivesTemplate,
  textReply,
} from 'fulcrum'
import { z } from 'zod'

const task = { id: col.string('task id'), problem: col.string('the task') }
const message = { role: col.string('user or assistant'), content: col.string('its text') }
const finished = {
  answer: col.string('reference answer; these tasks have none: empty'),
  messages: col.list(col.struct(message, 'one turn'), 'the task and its revised answer'),
}

/** Draft, critique by a rubric with scores, revision, looped (Phi-4, section 2.2). */
export default definePipeline({
  name: 'self-revision',
  description: 'Tasks -> draft -> critique with scores -> revision, looped -> conversations',
  example:
    'fulcrum run self-revision --tasks tasks.jsonl --against gsm8k --model http://localhost:8000/v1#big --template models/small',
  options: authorOptions.extend({
    tasks: z.string().describe('JSONL or Parquet with problem, and id if there is one'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    template: z
      .string()
      .describe('model folder of the model to be trained, whose chat template the messages must survive'),
    rubric: z
      .array(z.string().regex(/^\w+$/, 'wants names of letters, digits and _'))
      .default(['correct', 'complete', 'clear', 'reasoned'])
      .describe('what is scored, each from 1 to 10'),
    rounds: z.int().min(0).default(2).describe('revisions at most'),
    stopAt: z.number().min(1).max(10).default(9).describe('mean score from which on nothing is revised'),
    least: z.number().min(1).max(10).default(7).describe('mean score under which a task is dropped'),
    critique: z.string().default('pipelines/prompts/critique.md').describe('prompt that scores a draft'),
    revision: z.string().default('pipelines/prompts/revision.md').describe('prompt that rewrites it'),
  }),
  build: async ({ against, rubric, rounds, stopAt, least, critique, revision, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    const template = await loadTokenizer(locate(options.template))
    return Pipeline.from(records(locate(options.tasks), task))
      .through(decontaminate({ against, fields: ['problem'], as: 'problem' }))
      .through(generateTraces({ ...author, teacher: author.model, samples: 1 }))
      .through(
        revise({
          ...author,
          name: 'revise',
          needs: { ...task, solution: col.string('draft') },
          key: 'id',
          draft: 'solution',
          ...{ critique, revision, rubric, rounds, stopAt, least },
          reply: textReply,
        }),
      )
      .through(decontaminate({ against, fields: ['completion', 'revised'] }))
      .through(
        map({
          name: 'converse',
          needs: { problem: task.problem, revised: col.string('answer') },
          adds: finished,
          each: ({ problem, revised }) => ({
            answer: '',
            messages: [
              { role: 'user', content: problem },
              { role: 'assistant', content: revised },
            ],
          }),
        }),
      )
      .through(survivesTemplate({ template }))
      .into(sft({ template }))
  },
})
