import { z } from 'zod'
import {
  decontaminate,
  definePipeline,
  dpoBranchText,
  dpoPivotal,
  eachPivotalToken,
  findPivotalTokens,
  generateTraces,
  locate,
  openModel,
  openVerifier,
  passRates,
  Pipeline,
  pivotalTokens,
  prm,
  problems,
  rollouts,
  searchTraces,
  sftText,
  teachable,
  verifyTraces,
  verifierNames,
} from 'fulcrum'

const model = (role: string): string =>
  `${role}: a model folder, or http://host:port/v1#name of an OpenAI-compatible server`

/** Kind of task, as the public PTS tools name them. */
const taskOf = (verifier: string): string =>
  verifier.startsWith('code') ? 'code' : verifier === 'choice' ? 'qa' : 'math'

/** The whole recipe of the Phi-4 reports on one page: problems to pivotal preference pairs. */
export default definePipeline({
  name: 'quickstart',
  description:
    'Problems -> decontamination -> teacher traces -> decontamination -> teachable -> pivotal tokens -> preference pairs',
  example: 'fulcrum run quickstart --problems problems.jsonl --against benchmark.jsonl --out runs/mine',
  options: z.object({
    problems: z
      .string()
      .default('datasets/arithmetic/problems.jsonl')
      .describe('JSONL or Parquet with problem and answer'),
    against: z
      .array(z.string())
      .default(['datasets/arithmetic/contamination.jsonl'])
      .describe(
        'benchmarks that must not leak into the data: files, NAME=PATH, or names of fulcrum benchmarks list',
      ),
    teacher: z.string().default('datasets/models/teacher').describe(model('teacher')),
    student: z.string().default('datasets/models/student').describe(model('student')),
    tokenizer: z.string().optional().describe('model folder with the tokenizer of models behind HTTP'),
    teacherTokenizer: z
      .string()
      .optional()
      .describe("the teacher's, where it has another; none: it is asked by chat, as hosted ones are"),
    verifier: z
      .enum(verifierNames)
      .exclude(['judge'])
      .default('numeric')
      .describe('how answers are compared'),
    samples: z.int().min(1).default(1).describe('teacher traces a problem'),
    teacherTemperature: z.number().min(0).default(0.7).describe('temperature of the teacher'),
    temperature: z.number().gt(0).default(1).describe('temperature of every student rollout'),
    maxTokens: z.int().min(1).default(96).describe('longest trace, tokens'),
    gateRollouts: z.int().min(2).default(16).describe('student rollouts that measure a pass rate'),
    low: z.number().min(0).max(1).default(0.2).describe('lowest teachable pass rate'),
    high: z.number().min(0).max(1).default(0.8).describe('highest teachable pass rate'),
    gap: z
      .number()
      .gt(0)
      .max(1)
      .default(0.2)
      .describe('least change of the success probability at a pivotal token'),
    mode: z
      .enum(['frugal', 'thorough', 'published'])
      .default('frugal')
      .describe('how traces are searched; published is the recursion of the Phi-4 report'),
    unit: z
      .enum(['token', 'sentence'])
      .default('token')
      .describe('what is searched: tokens, or sentences first and the tokens inside those that matter'),
    stepEnds: z
      .array(z.string())
      .default([';'])
      .describe("texts that end a step of the policy, besides sentence ends and line breaks; '' for none"),
    q: z.number().gt(0).lt(1).default(0.1).describe('share of false discoveries among the confirmed'),
    rollouts: z
      .int()
      .min(2)
      .optional()
      .describe(
        'rollouts an estimate takes (published: 50), or those that leave at one token (frugal 12, thorough 32)',
      ),
    confirmRollouts: z
      .int()
      .min(0)
      .optional()
      .describe(
        'most fresh rollouts on either side of what was found (frugal and published 96, thorough 256)',
      ),
    traceRollouts: z.int().min(1).optional().describe('most student rollouts for one trace'),
    maxRollouts: z
      .int()
      .min(1)
      .optional()
      .describe('most student rollouts for all traces; most uncertain problems of a shard first'),
  }),
  build: async (options) => {
    const { tokenizer, temperature, maxTokens, low, high } = options
    const { mode, unit, q, gap, rollouts: perToken, confirmRollouts, traceRollouts, maxRollouts } = options
    const stepEnds = options.stepEnds.filter((text) => text !== '')
    const apiKey = process.env.OPENAI_API_KEY
    const { teacherTokenizer = tokenizer } = options
    const teacher = await openModel(options.teacher, {
      apiKey,
      tokenizer: teacherTokenizer === 'none' ? undefined : teacherTokenizer,
    })
    const student = await openModel(options.student, { apiKey, tokenizer })
    const sampler = { temperature, topP: 1, topK: 0 }
    const verifier = await openVerifier(options.verifier)
    return Pipeline.from(problems(locate(options.problems)))
      .through(decontaminate({ against: options.against, as: 'problem' }))
      .through(
        generateTraces({
          teacher,
          samples: options.samples,
          ...sampler,
          temperature: options.teacherTemperature,
          maxTokens,
        }),
      )
      .through(verifyTraces({ verifier }))
      .through(decontaminate({ against: options.against, fields: ['completion'] }))
      .into(sftText)
      .through(
        teachable({ student, low, high, rollouts: options.gateRollouts, verifier, ...sampler, maxTokens }),
      )
      .into(passRates)
      .through(
        findPivotalTokens({
          student,
          verifier,
          task: taskOf(options.verifier),
          ...{ mode, unit, stepEnds, q, gap, confirmRollouts },
          ...{ rollouts: perToken, traceRollouts, maxRollouts },
          ...sampler,
          maxTokens,
        }),
      )
      .into(searchTraces)
      .into(rollouts)
      .into(prm)
      .through(eachPivotalToken({ unconfirmed: confirmRollouts === 0 }))
      .into(pivotalTokens)
      .into(dpoPivotal)
      .into(dpoBranchText)
  },
})
