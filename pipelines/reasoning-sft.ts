import {
  decontaminate,
  definePipeline,
  generateTraces,
  loadTokenizer,
  locate,
  openModel,
  openVerifier,
  Pipeline,
  problems,
  selectTraces,
  sft,
  sftText,
  systemPrompt,
  teachable,
  verifierNames,
  verifyTraces,
} from 'fulcrum'
import { z } from 'zod'

const model = (role: string): string =>
  `${role}: a model folder, or http://host:port/v1#name of an OpenAI-compatible server`

/** The SFT set of Phi-4-reasoning (arXiv 2504.21318): problems at the edge of what the student can, then traces of the teacher
 *  as <think> thought </think> solution. */
export default definePipeline({
  name: 'reasoning-sft',
  description: 'Problems -> those the student solves sometimes -> verified reasoning traces of the teacher',
  example:
    'fulcrum run reasoning-sft --problems gsm8k_train.jsonl --against gsm8k --teacher http://localhost:8000/v1#big --student http://localhost:8001/v1#small',
  options: z.object({
    problems: z
      .string()
      .default('datasets/arithmetic/problems.jsonl')
      .describe('JSONL or Parquet with problem and answer'),
    against: z
      .array(z.string())
      .default(['datasets/arithmetic/contamination.jsonl'])
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    teacher: z.string().default('datasets/models/teacher').describe(model('teacher')),
    student: z.string().default('datasets/models/student').describe(model('student')),
    tokenizer: z.string().optional().describe('model folder with the tokenizer of models behind HTTP'),
    template: z
      .string()
      .optional()
      .describe(
        'model folder of the model to be trained: writes conversations besides the text, if its chat template keeps the thinking',
      ),
    thinking: z
      .enum(['required', 'optional'])
      .default('required')
      .describe('whether a trace must think: <think> thought </think> solution'),
    systemPrompt: z
      .string()
      .default('pipelines/prompts/reasoning-system.md')
      .describe('file with the system prompt of the teacher'),
    system: z.boolean().default(true).describe('give the teacher a system prompt'),
    rollouts: z.int().min(2).default(16).describe('student rollouts that measure a pass rate, at most'),
    low: z.number().min(0).max(1).default(0.1).describe('lowest pass rate of the student'),
    high: z.number().min(0).max(1).default(0.8).describe('highest pass rate of the student'),
    samples: z.int().min(1).default(8).describe('teacher traces a problem'),
    keep: z
      .enum(['all', 'shortest', 'diverse'])
      .default('diverse')
      .describe('which right traces of a problem stay'),
    traces: z.int().min(1).default(2).describe('right traces a problem that stay, at most'),
    teacherTemperature: z.number().min(0).default(0.8).describe('temperature of the teacher'),
    teacherTopK: z.int().min(0).default(0).describe('top-k of the teacher; 0 is off'),
    temperature: z.number().gt(0).default(1).describe('temperature of student rollouts'),
    maxTokens: z.int().min(1).default(16384).describe('longest trace, tokens'),
    verifier: z.enum(verifierNames).exclude(['judge']).default('math').describe('how answers are compared'),
  }),
  build: async ({ against, tokenizer, temperature, maxTokens, low, high, ...options }) => {
    const apiKey = process.env.OPENAI_API_KEY
    const teacher = await openModel(options.teacher, { apiKey, tokenizer })
    const student = await openModel(options.student, { apiKey, tokenizer })
    const verifier = await openVerifier(options.verifier)
    const sampler = { temperature, topP: 1, topK: 0, maxTokens }
    const traces = Pipeline.from(problems(locate(options.problems)))
      .through(decontaminate({ against, fields: ['problem'], as: 'problem' }))
      .through(
        teachable({
          student,
          verifier,
          rollouts: options.rollouts,
          low,
          high,
          keepRollouts: false,
          ...sampler,
        }),
      )
      .through(
        generateTraces({
          teacher,
          samples: options.samples,
          // Phi-4-reasoning itself is sampled at T .8, top-p .95, top-k 50; the last not every server knows.
          ...{ temperature: options.teacherTemperature, topP: 0.95, topK: options.teacherTopK, maxTokens },
          requireThought: options.thinking === 'required',
          ...(options.system && { system: systemPrompt(options.systemPrompt) }),
        }),
      )
      .through(verifyTraces({ verifier }))
      .through(decontaminate({ against, fields: ['completion'] }))
      .through(selectTraces({ keep: options.keep, count: options.traces }))
      .into(sftText)
    return options.template === undefined
      ? traces
      : traces.into(sft({ template: await loadTokenizer(locate(options.template)) }))
  },
})
