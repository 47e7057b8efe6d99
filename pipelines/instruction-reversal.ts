import {
  ask,
  authorOptions,
  checkFidelity,
  codeAnswer,
  codeReply,
  col,
  decontaminate,
  definePipeline,
  filterLength,
  loadTokenizer,
  locate,
  map,
  openAuthor,
  Pipeline,
  plain,
  readTests,
  records,
  sft,
  survivesTemplate,
  taggedReply,
} from 'fulcrum'
import { z } from 'zod'

const seed = {
  id: col.string('identity of the code'),
  code: col.string('the code'),
  answer: col.string('tests of the code, as the code verifier reads them'),
}
const language = { language: col.string('programming language') }
const instruction = { problem: col.string('instruction that asks for the code') }
const again = { regenerated: col.string('code written from the instruction alone') }
const fidelity = {
  code_similarity: col.double('likeness of both codes, 0 to 1'),
  verifier_id: col.string('rule that ran both through the tests'),
}
const finished = {
  trace_id: col.string('identity of the code'),
  completion: col.string('the original code in a fence'),
  teacher_model: col.string('model that wrote the instruction'),
}

/** Code to the instruction that asks for it, kept only where the instruction says enough to write the code again (Phi-4,
 *  section 2.2). */
export default definePipeline({
  name: 'instruction-reversal',
  description:
    'Code with tests -> instruction -> code written anew, which must pass the tests -> conversations',
  example:
    'fulcrum run instruction-reversal --code functions.jsonl --against humaneval --model http://localhost:8000/v1#big --template models/small',
  options: authorOptions.extend({
    code: z
      .string()
      .default('datasets/programs/python.jsonl')
      .describe('JSONL or Parquet with code and answer (tests as JSON), and id if there is one'),
    codeField: z.string().default('solution').describe('name of the field with the code'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    template: z
      .string()
      .describe('model folder of the model to be trained, whose chat template the messages must survive'),
    leastSimilarity: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('likeness of the new code to the original that is asked for besides passing tests'),
    prompt: z
      .string()
      .default('pipelines/prompts/instruction.md')
      .describe('prompt that asks for the instruction'),
    codePrompt: z
      .string()
      .default('pipelines/prompts/regenerate.md')
      .describe('prompt that asks for the code'),
    languages: z
      .array(z.enum(['python', 'javascript']))
      .default(['python', 'javascript'])
      .describe('languages of the code; Python wants bubblewrap'),
    unsafeExec: z.boolean().default(false).describe('run the code of the model without a sandbox'),
  }),
  build: async ({ against, leastSimilarity, unsafeExec, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    const verifier = await codeAnswer({
      languages: options.languages,
      unsafeExec,
      onWarning: (text) => process.stderr.write(`${text}\n`),
    })
    const template = await loadTokenizer(locate(options.template))
    return Pipeline.from(records(locate(options.code), seed, { rename: { code: options.codeField } }))
      .through(readTests())
      .through(filterLength({ field: 'code', least: 3, most: 2000 }))
      .through(decontaminate({ against, fields: ['code'], as: 'seed' }))
      .through(
        ask({
          ...author,
          name: 'askInstruction',
          needs: { ...seed, ...language },
          adds: instruction,
          key: 'id',
          prompt: options.prompt,
          reply: taggedReply(['instruction']),
          each: ({ instruction: problem }) => [{ problem }],
        }),
      )
      .through(decontaminate({ against, fields: ['problem'], as: 'problem' }))
      .through(
        ask({
          ...author,
          name: 'regenerate',
          needs: { ...seed, ...language, ...instruction },
          adds: again,
          key: 'id',
          prompt: options.codePrompt,
          reply: codeReply,
          each: (regenerated) => [{ regenerated }],
        }),
      )
      .through(checkFidelity({ verifier, leastSimilarity }))
      .through(
        map({
          name: 'finish',
          needs: { ...seed, ...language },
          adds: finished,
          each: ({ id, code, language }) => ({
            trace_id: id,
            completion: `\`\`\`${language.toLowerCase()}\n${code.trim()}\n\`\`\``,
            teacher_model: author.model.id,
          }),
        }),
      )
      .through(decontaminate({ against, fields: ['completion'] }))
      .into(plain('reversals', { ...seed, ...language, ...instruction, ...again, ...fidelity }))
      .through(survivesTemplate({ template }))
      .into(sft({ template }))
  },
})
