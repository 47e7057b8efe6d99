import {
  decontaminate,
  definePipeline,
  dpoFull,
  loadTokenizer,
  locate,
  openModel,
  openVerifier,
  pairByVerifier,
  Pipeline,
  problems,
  sampleCandidates,
  survivesTemplate,
  verifierNames,
} from 'fulcrum'
import { z } from 'zod'

/** Rollout preference of Phi-4-Mini-Reasoning (arXiv 2504.21233): a right rollout over a wrong one of the same question. */
export default definePipeline({
  name: 'rollout-dpo',
  description: 'Problems -> rollouts of the student -> right over wrong of the same question',
  example:
    'fulcrum run rollout-dpo --problems gsm8k_train.jsonl --against gsm8k --student http://localhost:8001/v1#small --template models/small',
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
    template: z
      .string()
      .default('datasets/models/student')
      .describe('model folder of the model to be trained, whose chat template the messages must survive'),
    rollouts: z.int().min(2).default(8).describe('rollouts a problem'),
    pairs: z.int().min(1).default(2).describe('pairs a problem at most'),
    temperature: z.number().gt(0).default(1).describe('temperature of rollouts'),
    maxTokens: z.int().min(1).default(96).describe('longest rollout, tokens'),
    verifier: z.enum(verifierNames).exclude(['judge']).default('math').describe('how answers are compared'),
  }),
  build: async ({ against, tokenizer, rollouts, pairs, temperature, maxTokens, ...options }) => {
    const student = await openModel(options.student, { apiKey: process.env.OPENAI_API_KEY, tokenizer })
    const template = await loadTokenizer(locate(options.template))
    const fields = ['chosen_completion', 'rejected_completion'] as const
    return Pipeline.from(problems(locate(options.problems)))
      .through(decontaminate({ against, fields: ['problem'], as: 'problem' }))
      .through(
        sampleCandidates({ models: [student], samples: rollouts, temperature, topP: 1, topK: 0, maxTokens }),
      )
      .through(pairByVerifier({ verifier: await openVerifier(options.verifier), pairs }))
      .through(decontaminate({ against, fields }))
      .through(survivesTemplate({ template, fields }))
      .into(dpoFull({ template }))
  },
})
