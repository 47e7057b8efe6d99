import {
  ask,
  authorOptions,
  col,
  decontaminate,
  definePipeline,
  jsonReply,
  locate,
  map,
  openAuthor,
  openVerifier,
  Pipeline,
  plain,
  records,
  teachable,
  verifierNames,
} from 'fulcrum'
import { z } from 'zod'

const original = {
  id: col.string('problem id'),
  original_problem: col.string('problem as it was'),
  original_answer: col.string('its solution or answer'),
}
const short = {
  problem: col.string('problem with a short answer that can be checked'),
  answer: col.string('that answer'),
}
const readable = { verifier_id: col.string('rule that can read the answer') }
const found = {
  pass_rate: col.double('share of solutions of the same model that come to the answer'),
  n_rollouts: col.int32('solutions it was measured with'),
}

const reply = z.discriminatedUnion('possible', [
  z.object({ possible: z.literal(true), problem: z.string().min(1), answer: z.string().min(1) }),
  z.object({ possible: z.literal(false), why: z.string() }),
])

/** Problems rewritten so that a program can check their answers (Phi-4-reasoning, section 2.1). */
export default definePipeline({
  name: 'short-answers',
  description: 'Problems -> the same with a short answer that a verifier reads and the model finds again',
  example:
    'fulcrum run short-answers --problems proofs.jsonl --against gsm8k --model http://localhost:8000/v1#big',
  options: authorOptions.extend({
    problems: z.string().describe('JSONL or Parquet with problems and their solutions or answers'),
    problemField: z.string().default('problem').describe('name of the field with the problem'),
    answerField: z.string().default('answer').describe('name of the field with the solution or answer'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    prompt: z
      .string()
      .default('pipelines/prompts/short-answer.md')
      .describe('prompt that asks for the rewriting'),
    longest: z.int().min(1).default(80).describe('longest answer, characters'),
    samples: z.int().min(2).default(8).describe('solutions of the rewritten problem at most'),
    least: z.number().gt(0).max(1).default(0.25).describe('share of them that must come to its answer'),
    verifier: z.enum(verifierNames).exclude(['judge']).default('math').describe('how answers are compared'),
    answerFormat: z
      .string()
      .default('End with the answer alone, as \\boxed{answer}.')
      .describe('what is said behind every problem'),
  }),
  build: async ({ against, longest, samples, least, answerFormat, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    const verifier = await openVerifier(options.verifier)
    const rename = { original_problem: options.problemField, original_answer: options.answerField }
    return Pipeline.from(records(locate(options.problems), original, { rename }))
      .through(decontaminate({ against, fields: ['original_problem'], as: 'original' }))
      .through(
        ask({
          ...author,
          name: 'shorten',
          needs: original,
          adds: short,
          key: 'id',
          prompt: options.prompt,
          settings: { longest },
          reply: jsonReply(reply),
          check: (value) =>
            value.possible && value.answer.length > longest
              ? `an answer of ${value.answer.length} characters`
              : null,
          each: (value) =>
            value.possible
              ? [{ problem: value.problem, answer: value.answer }]
              : { drop: 'cannot be given a short answer' },
        }),
      )
      .through(
        map({
          name: 'readAnswer',
          needs: short,
          adds: readable,
          options: { verifier: verifier.id },
          each: async ({ problem, answer }) => {
            const { verdict } = await verifier.verify(`\\boxed{${answer}}`, answer, problem)
            return verdict === 'equal'
              ? { verifier_id: verifier.id }
              : { drop: 'the verifier cannot read the answer' }
          },
        }),
      )
      .through(decontaminate({ against, fields: ['problem'] }))
      .through(
        teachable({
          ...author,
          student: author.model,
          verifier,
          rollouts: samples,
          low: least,
          high: 1,
          keepRollouts: false,
          answerFormat,
        }),
      )
      .into(plain('questions', { ...original, ...short, ...readable, ...found }))
  },
})
