/** A training of a second or two, in this process or as one: `tsx tiny-training.ts sft|dpo OUT [OPTIONS as JSON]`. */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { rngFor } from '../../src/statistics/random.ts'
import { trainDpo } from '../../src/train/dpo.ts'
import { inMemory } from '../../src/train/items.ts'
import type { TrainingOptions } from '../../src/train/loop.ts'
import { trainSft } from '../../src/train/sft.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'

export type TinyOptions = Partial<TrainingOptions> & { readonly epochs?: number }

export const tinyOptions = (out: string, over: Partial<TrainingOptions> = {}): TrainingOptions => ({
  out,
  backend: 'wasm',
  batchSize: 8,
  microBatchSize: 3,
  workers: 1,
  recompute: false,
  lora: null,
  learningRate: 1e-2,
  warmupSteps: 3,
  decay: 'linear',
  weightDecay: 0.01,
  clipNorm: 1,
  seed: 5,
  checkpointEvery: 2,
  ...over,
})

export async function trainTiny(
  trainer: 'sft' | 'dpo',
  out: string,
  over: TinyOptions = {},
  count = 48,
  onStep?: () => void,
): Promise<void> {
  const random = rngFor('tiny-training')
  const ids = (length: number): number[] => Array.from({ length }, () => random.below(13))
  const { epochs = 4, ...others } = over
  const options = tinyOptions(out, others)
  const shared = {
    model: tinyCheckpoint('llama'),
    modelId: 'tiny',
    tokenizerFrom: out,
    ...(onStep && { onStep }),
  }
  if (trainer === 'sft') {
    const examples = Array.from({ length: count }, () => ({
      promptIds: ids(1 + random.below(6)),
      completionIds: ids(1 + random.below(8)),
    }))
    await trainSft({ ...shared, data: [{ items: inMemory('tiny', examples), epochs }], options })
  } else {
    const pairs = Array.from({ length: count }, () => ({
      promptIds: ids(1 + random.below(9)),
      chosenIds: ids(1),
      rejectedIds: ids(1),
    }))
    const settings = { beta: 0.2, nllWeight: 0.1, labelSmoothing: 0.05 }
    const data = [{ items: inMemory('tiny', pairs), epochs }]
    await trainDpo({ ...shared, data, options: { ...options, ...settings } })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [trainer, out, over] = process.argv.slice(2)
  const options = JSON.parse(over ?? '{}') as TinyOptions
  await trainTiny(trainer === 'dpo' ? 'dpo' : 'sft', out ?? '', options, 48, () => console.log('step'))
}
