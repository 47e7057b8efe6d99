import type { Checkpoint } from '../../src/nn/checkpoint.ts'
import type { DecoderConfig } from '../../src/nn/config.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'

/** A random decoder with weights of ordinary size, so that its distributions are far from uniform. */
export function tinyCheckpoint(
  architecture: DecoderConfig['architecture'],
  over: Partial<DecoderConfig> = {},
  seed = 7,
): Checkpoint {
  const config: DecoderConfig = {
    architecture,
    vocabSize: 13,
    hiddenSize: 24,
    intermediateSize: 40,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    ropeTheta: 10000,
    rotaryShare: architecture === 'phi3' ? 0.5 : 1,
    normEpsilon: 1e-5,
    tieEmbeddings: architecture === 'llama',
    attentionBias: architecture === 'qwen2',
    maxPositions: 24,
    eosTokenId: 0,
    bosTokenId: null,
    ...over,
  }
  const { weights } = initialCheckpoint(config, seed)
  const grown = [...weights].map(([name, { shape, data }], i) => {
    const factor = name.endsWith('norm.weight') ? 1 : 10
    const values = name.endsWith('.bias')
      ? data.map((_, j) => Math.sin(i + j) / 3)
      : data.map((x) => x * factor)
    return [name, { shape, data: values }] as const
  })
  return { config, weights: new Map(grown) }
}
