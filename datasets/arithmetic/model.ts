import { rngFor } from '../../src/statistics/random.ts'
import type { DecoderConfig } from '../../src/nn/config.ts'
import type { Tokenizer } from '../../src/model/model.ts'
import type { SftExample } from '../../src/train/sft.ts'
import { type Corpus, problemsOf, writeTrace } from './generate.ts'

/** Teacher and student are the same network, 0.8 M parameters. */
export const network = (tokenizer: Tokenizer, vocabSize: number): DecoderConfig => ({
  architecture: 'llama',
  vocabSize,
  hiddenSize: 128,
  intermediateSize: 344,
  layers: 4,
  heads: 4,
  kvHeads: 4,
  headDim: 32,
  ropeTheta: 10000,
  rotaryShare: 1,
  normEpsilon: 1e-5,
  tieEmbeddings: true,
  attentionBias: false,
  maxPositions: 160,
  eosTokenId: tokenizer.eos.id,
  bosTokenId: null,
})

/** What a model was taught, and for how long. */
export interface Recipe extends Corpus {
  /** Weights it starts from: random ones, or those of the other model. */
  readonly from: 'nothing' | 'teacher'
  readonly examples: number
  readonly learningRate: number
  readonly warmupSteps: number
  readonly seed: number
}

/** The teacher learns from clean work, nearly all of it stepwise. The student is the teacher after a short time with
 *  a sloppy author who works directly as often as stepwise and slips in half of the direct results: its arithmetic
 *  is still there, and the first word of a step decides much of what follows. */
export const recipes: Readonly<Record<'teacher' | 'student', Recipe>> = {
  teacher: {
    from: 'nothing',
    stepwise: 0.97,
    slips: 0,
    examples: 160_000,
    learningRate: 2e-3,
    warmupSteps: 100,
    seed: 1,
  },
  student: {
    from: 'teacher',
    stepwise: 0.5,
    slips: 0.5,
    examples: 16_000,
    learningRate: 5e-4,
    warmupSteps: 20,
    seed: 2,
  },
}

/** Supervised examples of a recipe, all from the training split. */
export function examplesOf(recipe: Recipe, tokenizer: Tokenizer): SftExample[] {
  const examples: SftExample[] = []
  for (const problem of problemsOf('train', recipe.seed, recipe.examples)) {
    const trace = writeTrace(problem, recipe, rngFor(recipe.seed, 'trace', problem.id))
    examples.push({
      promptIds: tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem.problem }])),
      completionIds: [...tokenizer.encode(trace), tokenizer.eos.id],
    })
  }
  return examples
}
