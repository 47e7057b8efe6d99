import { z } from 'zod'
import { openModel } from '../model/open.ts'
import { share } from '../statistics/estimate.ts'
import { locate } from '../store/bundled.ts'
import { evaluate, readEvaluationProblems } from '../train/evaluate.ts'
import { exactAnswer, numericAnswer } from '../verify/verifier.ts'
import { command } from './command.ts'

const verifiers = { numeric: numericAnswer, exact: exactAnswer }

/** Measures a model's pass rate. */
export default command({
  name: 'evaluate',
  summary: 'Measure the pass rate of a model on problems, with its 95 % interval',
  positionals: [],
  options: z.object({
    model: z.string().describe('model folder, FILE.gguf, or http://host:port/v1#name'),
    problems: z.string().describe('JSONL or Parquet with problem and answer that no training saw'),
    verifier: z.enum(['numeric', 'exact']).default('numeric').describe('how answers are compared'),
    temperature: z.number().min(0).default(0).describe('0 is greedy'),
    topP: z.number().min(0).max(1).default(1).describe('nucleus share; 1 is off'),
    topK: z.int().min(0).default(0).describe('most likely tokens kept; 0 is off'),
    maxTokens: z.int().min(1).default(512).describe('longest completion, tokens'),
    seed: z.int().min(0).default(0).describe('seed of the draws'),
    tokenizer: z
      .string()
      .optional()
      .describe('model folder with the tokenizer of a GGUF file or of a model behind HTTP'),
    json: z.boolean().default(false).describe('print JSON, every problem'),
  }),
  example: 'fulcrum evaluate --model models/dpo --problems datasets/arithmetic/held-out.jsonl',
  run: async ({ options }, { print, tell, live, signal }) => {
    const problems = await readEvaluationProblems(locate(options.problems))
    const apiKey = process.env.OPENAI_API_KEY
    const model = await openModel(options.model, { apiKey, tokenizer: options.tokenizer })
    try {
      const found = await evaluate({
        ...options,
        ...{ model, problems, signal },
        verifier: verifiers[options.verifier],
        onProblem: (done, correct) => {
          if (live) tell(`\r\x1b[2K${done}/${problems.length} problems, ${correct} correct`)
        },
      })
      if (live) tell('\r\x1b[2K')
      const { passed, interval, unparsed, truncated } = found
      const percent = (of: number): string => (100 * of).toFixed(1)
      if (options.json) print(JSON.stringify(found, null, 2))
      else {
        print(
          `${percent(share(passed))} % pass (${passed.successes} of ${passed.trials}; 95 % interval ${percent(interval.low)} to ${percent(interval.high)})`,
        )
        print(`${unparsed} answers not readable, ${truncated} completions cut off; ${found.model}`)
      }
      return 0
    } finally {
      await model.close()
    }
  },
})
