import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { backendNames } from '../nn/backend.ts'
import { loadCheckpoint } from '../nn/checkpoint.ts'
import type { DecoderConfig } from '../nn/config.ts'
import { adaptable } from '../nn/lora.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import { locate } from '../store/bundled.ts'
import type { Portioned } from '../train/batches.ts'
import type { DataSource, Learner } from '../train/data.ts'
import type { Items } from '../train/items.ts'
import type { Progress, TrainingInput, TrainingOptions, TrainingResult } from '../train/loop.ts'
import { epochsByWeight } from '../train/mixture.ts'
import type { Terminal } from './command.ts'
import { duration } from './progress.ts'

/** Options of every training command, whatever it trains on. */
export const trainingOptions = {
  model: z.string().describe('model folder to start from'),
  out: z.string().describe('folder for the trained model, its log and its loss curve'),
  backend: z
    .enum(['auto', ...backendNames])
    .default('auto')
    .describe('tensor backend'),
  workers: z.int().min(1).max(64).default(1).describe('threads; any number gives the same weights'),
  batchSize: z.int().min(1).default(32).describe('examples a step'),
  microBatchSize: z.int().min(1).default(8).describe('examples in memory at once'),
  recompute: z.boolean().default(false).describe('gradient checkpointing: less memory, more time'),
  warmupSteps: z.int().min(0).default(10).describe('steps until the full learning rate'),
  decay: z.enum(['cosine', 'linear', 'constant']).default('cosine').describe('how the learning rate falls'),
  weightDecay: z.number().min(0).default(0.01).describe('AdamW weight decay'),
  clipNorm: z.number().positive().default(1).describe('gradients are scaled down to this norm'),
  seed: z.int().min(0).default(0).describe('seed of the order of examples and of a fresh adapter'),
  checkpointEvery: z.int().min(1).default(100).describe('steps between checkpoints'),
  loraRank: z.int().min(0).default(0).describe('rank of an adapter to train; 0 trains all weights'),
  loraAlpha: z.number().positive().default(32).describe('an adapter counts alpha / rank times'),
  loraTargets: z.string().default('all').describe('modules the adapter goes to, as q_proj,v_proj'),
}

/** Options of training commands on built datasets. */
export const dataOptions = {
  data: z
    .array(z.string())
    .min(1)
    .describe('manifest.json of a built dataset, or several as a/manifest.json=2.5 (see --mix)'),
  mix: z
    .enum(['epochs', 'weights'])
    .default('epochs')
    .describe('what the number after a manifest is: times over its rows, or share of the mixture'),
  epochs: z.number().positive().default(1).describe('times over the data'),
}

type Parsed = z.infer<z.ZodObject<typeof trainingOptions>> & { readonly learningRate: number }
type ParsedData = z.infer<z.ZodObject<typeof dataOptions>> & { readonly config: string; readonly out: string }

/** The model to start from, its tokenizer, and the loop's options. */
export async function openStart(
  parsed: Parsed,
): Promise<{ start: Omit<TrainingInput, 'signal' | 'onStep'>; learner: Learner }> {
  const folder = locate(parsed.model)
  const model = await loadCheckpoint(folder)
  const tokenizer = await loadTokenizer(folder)
  const options = loopOptions(parsed, model.config)
  return {
    start: { model, modelId: model.sha256, tokenizerFrom: folder, options },
    learner: { tokenizer, config: model.config },
  }
}

function loopOptions(parsed: Parsed, config: DecoderConfig): TrainingOptions {
  const { loraRank: rank, loraAlpha: alpha, loraTargets } = parsed
  const targetModules = loraTargets === 'all' ? adaptable(config) : loraTargets.split(/\s*,\s*/)
  return {
    out: parsed.out,
    backend: parsed.backend,
    workers: parsed.workers,
    batchSize: parsed.batchSize,
    microBatchSize: parsed.microBatchSize,
    recompute: parsed.recompute,
    lora: rank === 0 ? null : { rank, alpha, targetModules },
    learningRate: parsed.learningRate,
    warmupSteps: parsed.warmupSteps,
    decay: parsed.decay,
    weightDecay: parsed.weightDecay,
    clipNorm: parsed.clipNorm,
    seed: parsed.seed,
    checkpointEvery: parsed.checkpointEvery,
  }
}

/** Opens every dataset of the mixture; says on stderr which rows were left out, and why. */
export async function openMixture<Item>(
  { data, mix, epochs, config, out }: ParsedData,
  open: (source: DataSource) => Promise<Items<Item>>,
  { tell }: Terminal,
): Promise<Portioned<Item>[]> {
  const named = data.map(portionOf)
  const opened: Items<Item>[] = []
  for (const { manifest } of named) {
    const items = await open({ manifest, config, out })
    for (const [reason, rows] of Object.entries(items.counted)) tell(`${manifest}: ${rows} rows ${reason}\n`)
    opened.push(items)
  }
  const numbers = named.map(({ number }) => number)
  const counts = opened.map(({ count }) => count)
  const shares =
    mix === 'weights' ? epochsByWeight(counts, numbers, epochs) : numbers.map((number) => number * epochs)
  return opened.map((items, i) => ({ items, epochs: shares[i] as number }))
}

/** `path` or `path=number`. */
function portionOf(text: string): { manifest: string; number: number } {
  const [, manifest, number] = /^(.*?)(?:=([^=/]*))?$/.exec(text) ?? []
  const value = number === undefined ? 1 : Number(number)
  if (manifest !== undefined && manifest !== '' && value > 0 && Number.isFinite(value))
    return { manifest, number: value }
  throw new FulcrumError(
    'config',
    `--data ${JSON.stringify(text)} names no manifest with a positive number`,
    'Write runs/a/manifest.json or runs/a/manifest.json=2.5.',
  )
}

/** Runs a training with its progress on stderr and its end on stdout. */
export async function tellEnd(
  out: string,
  { print, tell, live, now }: Terminal,
  train: (onStep: (progress: Progress) => void) => Promise<TrainingResult>,
): Promise<0> {
  const start = now()
  let last = -Infinity
  const { steps, loss, padding } = await train((at) => {
    if (now() - last < (live ? 200 : 5000) && at.step < at.steps) return
    last = now()
    const text = `step ${at.step}/${at.steps} | loss ${at.loss.toFixed(4)} | ${Math.round(at.tokensPerSecond)} tokens/s`
    tell(live ? `\r\x1b[2K${text}` : `${duration(now() - start)} ${text}\n`)
  })
  if (live) tell('\r\x1b[2K')
  print(`${steps} steps, loss ${loss.toFixed(4)}, ${(100 * padding).toFixed(1)} % padding: ${out}`)
  return 0
}
