/** Measures a trained model on problems it never saw and puts it into datasets/models with its card:
 *  `npx tsx datasets/arithmetic/publish.ts student --from runs/models/student`. */
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadCheckpoint } from '../../src/nn/checkpoint.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { type Estimate, share, wilson } from '../../src/statistics/estimate.ts'
import { sha256OfFile, writeWhole } from '../../src/store/files.ts'
import { passRate } from './measure.ts'
import { recipes } from './model.ts'

const files = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'] as const

const { positionals, values } = parseArgs({ allowPositionals: true, options: { from: { type: 'string' } } })
const name = positionals[0] === 'teacher' ? 'teacher' : 'student'
const from = values.from ?? join('runs', 'models', name)
const to = join(import.meta.dirname, '..', 'models', name)

const checkpoint = await loadCheckpoint(from)
const tokenizer = await loadTokenizer(from)
const sampler = await createWasmSampler(checkpoint)
const rates: string[] = []
for (const split of ['development', 'held-out']) {
  for (const temperature of [1, 0]) {
    const file = join(import.meta.dirname, `${split}.jsonl`)
    const rate = await passRate(sampler, tokenizer, file, temperature)
    rates.push(`| ${split} | ${temperature === 0 ? 'greedy' : 'T = 1'} | ${written(rate)} |`)
    console.log(rates.at(-1))
  }
}

await mkdir(to, { recursive: true })
for (const file of files) await copyFile(join(from, file), join(to, file))
await writeWhole(join(to, 'README.md'), await card())

function written(rate: Estimate): string {
  const { low, high } = wilson(rate)
  return `${share(rate).toFixed(3)} | ${low.toFixed(3)} to ${high.toFixed(3)} | ${rate.successes}/${rate.trials}`
}

async function card(): Promise<string> {
  const { config, weights } = checkpoint
  const { stepwise, slips, examples, seed } = recipes[name]
  const run = JSON.parse(await readFile(join(from, 'run.json'), 'utf8')) as Record<string, number | string>
  const log = (await readFile(join(from, 'log.jsonl'), 'utf8')).trim().split('\n')
  const parameters = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0)
  const slipped =
    slips === 0
      ? 'No result is wrong.'
      : `${slips * 100} % of the results written directly are wrong by 1 or 10, and the answer goes on with the wrong number.`
  const sums = await Promise.all(
    files.map(async (file) => `| ${file} | \`${await sha256OfFile(join(from, file))}\` |`),
  )
  return `# ${name}

The ${name} of the arithmetic domain (datasets/arithmetic): llama layout, ${parameters.toLocaleString('en')} parameters in float32
(${config.layers} layers, hidden size ${config.hiddenSize}, ${config.heads} heads, ${config.vocabSize} tokens), made by Fulcrum's own trainer from ${recipes[name].from === 'nothing' ? 'random weights' : 'the weights of the teacher'}. Licence: MIT.

| problems | sampling | solved | 95 % interval (Wilson) | |
|---|---|---|---|---|
${rates.join('\n')}

One answer a problem; the training data held none of these combinations of operations and numbers.

**Data**: ${examples.toLocaleString('en')} problems of the train split, generated with seed ${seed}, one worked answer each, seen once.
${Math.round(stepwise * 100)} % of the steps that can be written either way are written stepwise, the others directly. ${slipped}

**Training**: ${log.length} steps of ${run.batchSize} problems, loss on the answer only; AdamW (.9, .95), rate ${run.learningRate} after ${run.warmupSteps} steps of
warm-up, then ${run.decay} to 0; weight decay ${run.weightDecay}, gradient norm at most ${run.clipNorm}; seed ${run.seed}; backend ${run.backend}.

    npx tsx datasets/arithmetic/train.ts ${name} --backend ${run.backend}
    npx tsx datasets/arithmetic/publish.ts ${name}

Other backends and machines round differently and give other weights of about the same rate.

| file | sha256 |
|---|---|
${sums.join('\n')}
`
}
