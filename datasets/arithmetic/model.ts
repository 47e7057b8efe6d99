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
  readonly examples: number
  readonly epochs: number
  readonly seed: number
}

/** The teacher saw clean, mostly stepwise work. The student saw as much direct work as stepwise work, by an author
 *  who slips in 35 % of the direct results: so the first word of a step decides much of what follows. */
export const recipes: Readonly<Record<'teacher' | 'student', Recipe>> = {
  teacher: { stepwise: 0.85, slips: 0, examples: 160_000, epochs: 1, seed: 1 },
  student: { stepwise: 0.5, slips: 0.35, examples: 80_000, epochs: 1, seed: 2 },
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
