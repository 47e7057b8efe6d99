/** A GRPO training of a second, in this process or as one: `tsx tiny-grpo.ts OUT [OPTIONS as JSON]`. */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Tokenizer } from '../../src/model/model.ts'
import { type GrpoOptions, grpoOptions } from '../../src/train/grpo-options.ts'
import { type GrpoInput, trainGrpo } from '../../src/train/grpo.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'

/** A letter a token; the first ends a text. */
export const letters: Tokenizer = {
  sha256: 'letters',
  chatTemplateSha256: null,
  vocabularySize: 26,
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
  const loop = {
    ...{ out, backend: 'wasm' as const, workers: 1, batchSize: 4, microBatchSize: 5, recompute: false },
    ...{ lora: null, learningRate: 3e-3, warmupSteps: 2, decay: 'constant' as const, weightDecay: 0 },
    ...{ clipNorm: 1, seed: 3, checkpointEvery: 3 },
  }
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
      ...z.object(grpoOptions).parse({ steps: 12, groupSize: 6, maxTokens: 6 }),
      ...loop,
      ...over,
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [out = '', over = '{}'] = process.argv.slice(2)
  const input = tinyGrpo(out, JSON.parse(over) as Partial<GrpoOptions>)
  await trainGrpo({ ...input, onStep: () => console.log('step') })
}
