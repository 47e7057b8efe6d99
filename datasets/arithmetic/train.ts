/** Trains the teacher from random weights, or the student from the teacher in datasets/models:
 *  `npx tsx datasets/arithmetic/train.ts student --backend auto`. Killed and started again it goes on from its last
 *  checkpoint. publish.ts then puts the model into datasets/models. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { BackendName } from '../../src/nn/backend.ts'
import { loadCheckpoint } from '../../src/nn/checkpoint.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { inMemory } from '../../src/train/items.ts'
import { trainSft } from '../../src/train/sft.ts'
import { examplesOf, network, recipes } from './model.ts'
import { makeTokenizer } from './tokenizer.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    backend: { type: 'string', default: 'auto' },
    out: { type: 'string' },
    examples: { type: 'string' },
  },
})
const name = positionals[0] === 'teacher' ? 'teacher' : 'student'
const out = values.out ?? `runs/models/${name}`
const recipe = {
  ...recipes[name],
  ...(values.examples !== undefined && { examples: Number(values.examples) }),
}

mkdirSync(out, { recursive: true })
const { tokenizer: json, config } = makeTokenizer()
writeFileSync(`${out}/tokenizer.json`, `${JSON.stringify(json, null, 1)}\n`)
writeFileSync(`${out}/tokenizer_config.json`, `${JSON.stringify(config, null, 2)}\n`)
const tokenizer = await loadTokenizer(out)
const start =
  recipe.from === 'nothing'
    ? null
    : await loadCheckpoint(join(import.meta.dirname, '..', 'models', recipe.from))
const vocabulary = Object.keys((json as { model: { vocab: object } }).model.vocab).length

await trainSft({
  data: [{ items: inMemory(`arithmetic ${JSON.stringify(recipe)}`, examplesOf(recipe, tokenizer)), epochs: 1 }],
  model: start ?? initialCheckpoint(network(tokenizer, vocabulary), recipe.seed),
  modelId: start === null ? `initial, seed ${recipe.seed}` : `${start.name}@${start.sha256}`,
  tokenizerFrom: out,
  options: {
    out,
    backend: values.backend as BackendName | 'auto',
    workers: 1,
    batchSize: 64,
    microBatchSize: 64,
    recompute: false,
    lora: null,
    learningRate: recipe.learningRate,
    warmupSteps: recipe.warmupSteps,
    decay: 'linear',
    weightDecay: 0.01,
    clipNorm: 1,
    seed: recipe.seed,
    checkpointEvery: 250,
  },
  onStep: ({ step, steps, loss, tokensPerSecond }) => {
    if (step % 20 === 0 || step === steps) {
      console.log(`step ${step}/${steps}  loss ${loss.toFixed(4)}  ${Math.round(tokensPerSecond)} tokens/s`)
    }
  },
})
