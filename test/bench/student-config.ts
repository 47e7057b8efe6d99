import type { DecoderConfig } from '../../src/nn/config.ts'

/** The shape of the embedded teacher and student, 0.8 M parameters. */
export const studentConfig: DecoderConfig = {
  architecture: 'llama',
  vocabSize: 79,
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
  eosTokenId: 78,
  bosTokenId: null,
}
