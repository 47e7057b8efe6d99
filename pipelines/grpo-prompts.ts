import {
  decontaminate,
  definePipeline,
  filterRolloutLength,
  grpo,
  locate,
  openModel,
  openVerifier,
  Pipeline,
  problems,
  teachable,
  verifierNames,
} from 'fulcrum'
import { z } from 'zod'

/** Prompts for GRPO: a band of pass rates, so that groups have both right and wrong rollouts, and answers of like length (Phi-4-Mini-
 *  Reasoning, arXiv 2504.21233). Band and lengths are not published; these are ours. */
export default definePipeline({
  name: 'grpo-prompts',
  description:
    'Problems -> those the student solves sometimes, with answers of like length -> prompts for GRPO',
  example:
    'fulcrum run grpo-prompts --problems gsm8k_train.jsonl --against gsm8k --student http://localhost:8001/v1#small --tokenizer models/small',
  options: z.object({
    problems: z
      .string()
      .default('datasets/arithmetic/problems.jsonl')
      .describe('JSONL or Parquet with problem and answer'),
    against: z
      .array(z.string())
      .default(['datasets/arithmetic/contamination.jsonl'])
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    student: z
      .string()
      .default('datasets/models/student')
      .describe('student: a model folder, or http://host:port/v1#name of an OpenAI-compatible server'),
    tokenizer: z.string().optional().describe('model folder with the tokenizer of a student behind HTTP'),
    rollouts: z.int().min(2).default(16).describe('rollouts that measure a pass rate, at most'),
    low: z.number().min(0).max(1).default(0.2).describe('lowest pass rate'),
    high: z.number().min(0).max(1).default(0.8).describe('highest pass rate'),
    shortest: z.int().min(1).default(1).describe('lowest mean length of the rollouts, tokens'),
    longest: z.int().min(1).default(96).describe('highest mean length of the rollouts, tokens'),
    spread: z
      .number()
      .min(1)
      .default(2)
      .describe('the longest rollout of a problem is at most so many times its shortest'),
    temperature: z.number().gt(0).default(1).describe('temperature of rollouts'),
    maxTokens: z.int().min(1).default(96).describe('longest rollout, tokens'),
    verifier: z.enum(verifierNames).exclude(['judge']).default('math').describe('how answers are compared'),
  }),
  build: async ({ against, tokenizer, rollouts, low, high, temperature, maxTokens, ...options }) => {
    const student = await openModel(options.student, { apiKey: process.env.OPENAI_API_KEY, tokenizer })
    const { shortest: least, longest: most, spread } = options
    return Pipeline.from(problems(locate(options.problems)))
      .through(decontaminate({ against, fields: ['problem'] }))
      .through(
        teachable({
          ...{ student, verifier: await openVerifier(options.verifier), rollouts, low, high },
          ...{ temperature, topP: 1, topK: 0, maxTokens },
        }),
      )
      .through(filterRolloutLength({ least, most, spread }))
      .into(grpo())
  },
})
