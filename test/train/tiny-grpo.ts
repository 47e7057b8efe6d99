/** A GRPO training of a second, in this process or as one: `tsx tiny-grpo.ts OUT`. */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Tokenizer } from '../../src/model/model.ts'
import { type GrpoOptions, grpoOptions } from '../../src/train/grpo-options.ts'
import { type GrpoInput, trainGrpo } from '../../src/train/grpo.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'

/** A letter a token; the first ends a text. */
export const letters: Tokenizer = {
  sha256: 'letters',
  chatTemplateSha256: null,
  eos: { id: 0, text: 'a' },
  addedBos: null,
  encode: (text) => Array.from(text, (letter) => letter.charCodeAt(0) - 97),
  decode: (ids) => String.fromCharCode(...ids.map((id) => id + 97)),
  renderChat: (messages) => messages.map(({ content }) => content).join(''),
}

/** A completion is right when it has a letter of the answer. */
const anyLetter: Verifier = {
  id: 'any-letter',
  verify: (text, answer) => ({
    verdict: Array.from(answer).some((letter) => text.includes(letter)) ? 'equal' : 'different',
    extracted: text,
    reason: null,
  }),
}

export function tinyGrpo(out: string, over: Partial<GrpoOptions> = {}): GrpoInput {
  return {
    dataId: 'tiny',
    model: tinyCheckpoint('llama', { eosTokenId: 0 }),
    modelId: 'tiny',
    tokenizerFrom: out,
    tokenizer: letters,
    verifier: anyLetter,
    problems: ['bcd', 'fgh', 'ml', 'kkkkk', 'dig', 'egg'].map((problem, i) => ({
      id: `p${i}`,
      problem,
      answer: 'ce',
    })),
    options: {
      ...grpoOptions.parse({
        ...{ out, backend: 'wasm', steps: 12, batchSize: 4, groupSize: 6, microBatchSize: 5, maxTokens: 6 },
        ...{ learningRate: 3e-3, warmupSteps: 2, checkpointEvery: 3, seed: 3 },
      }),
      ...over,
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await trainGrpo({ ...tinyGrpo(process.argv[2] ?? ''), onStep: () => console.log('step') })
}
