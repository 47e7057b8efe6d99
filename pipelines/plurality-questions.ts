import {
  authorOptions,
  col,
  decontaminate,
  definePipeline,
  locate,
  openAuthor,
  openVerifier,
  Pipeline,
  plain,
  proxyTruth,
  records,
  verifierNames,
} from 'fulcrum'
import { z } from 'zod'

const question = { id: col.string('question id'), problem: col.string('the question') }
const agreement = {
  answer: col.nullable(col.string('answer that most samples state, in place of a reference answer')),
  plurality_share: col.double('share of the samples that state it'),
  plurality_low: col.double('lower end of its 95 % Wilson interval'),
  plurality_high: col.double('upper end'),
  n_votes: col.int32('samples it was measured with'),
  n_answers: col.int32('different answers among them'),
  n_unparsed_votes: col.int32('samples that were cut off or whose answer cannot be read'),
  answer_entropy: col.double('entropy of the answers that can be read, nats'),
}

/** Questions without answers to those worth asking: several independent answers, the unanimous and the incoherent dropped,
 *  the plurality as answer (Phi-4, section 2.2). Cut-offs are not published; these are ours. */
export default definePipeline({
  name: 'plurality-questions',
  description:
    'Questions -> several answers each -> those that neither agree nor fall apart, with the plurality',
  example:
    'fulcrum run plurality-questions --questions questions.jsonl --against gsm8k --model http://localhost:8000/v1#big',
  options: authorOptions.extend({
    questions: z.string().describe('JSONL or Parquet with problem, and id if there is one'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    samples: z.int().min(2).default(8).describe('answers a question'),
    least: z.number().min(0).max(1).default(0.4).describe('plurality share under which answers fall apart'),
    most: z
      .number()
      .min(0)
      .max(1)
      .default(0.99)
      .describe('plurality share over which a question is too easy'),
    verifier: z.enum(verifierNames).exclude(['judge']).default('math').describe('how answers are compared'),
    answerFormat: z
      .string()
      .default('End with the answer alone, as \\boxed{answer}.')
      .describe('what is said behind every question'),
  }),
  build: async ({ against, samples, least, most, answerFormat, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    const verifier = await openVerifier(options.verifier)
    return Pipeline.from(records(locate(options.questions), question))
      .through(decontaminate({ against, fields: ['problem'] }))
      .through(proxyTruth({ ...author, verifier, samples, least, most, answerFormat }))
      .into(plain('questions', { ...question, ...agreement }))
  },
})
