/** Makes datasets/models/{teacher,student} from nothing: `npx tsx datasets/arithmetic/train.ts student --backend auto`.
 *  Killed and started again it goes on from its last checkpoint. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { BackendName } from '../../src/nn/backend.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
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
const out = values.out ?? `datasets/models/${name}`
const recipe = { ...recipes[name], ...(values.examples !== undefined && { examples: Number(values.examples) }) }

mkdirSync(out, { recursive: true })
const { tokenizer: json, config } = makeTokenizer()
writeFileSync(`${out}/tokenizer.json`, `${JSON.stringify(json, null, 1)}\n`)
writeFileSync(`${out}/tokenizer_config.json`, `${JSON.stringify(config, null, 2)}\n`)
const tokenizer = await loadTokenizer(out)
const vocabulary = Object.keys((json as { model: { vocab: object } }).model.vocab).length

await trainSft({
  examples: examplesOf(recipe, tokenizer),
  dataId: `arithmetic ${JSON.stringify(recipe)}`,
  model: initialCheckpoint(network(tokenizer, vocabulary), recipe.seed),
  modelId: `initial, seed ${recipe.seed}`,
  tokenizerFrom: out,
  options: {
    out,
    backend: values.backend as BackendName | 'auto',
    batchSize: 64,
    microBatchSize: 64,
    epochs: recipe.epochs,
    learningRate: 2e-3,
    warmupSteps: 100,
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
