import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { rngFor } from '../statistics/random.ts'
import { writeWhole } from '../store/files.ts'
import { type Checkpoint, readJson } from './checkpoint.ts'
import { type DecoderConfig, tensorShapes } from './config.ts'
import { readSafetensors, type Weight, writeSafetensors } from './safetensors.ts'

/** Which modules get a low-rank addition, and how strong it is: W + alpha / rank * B A. Hu et al. 2021
 *  (arXiv:2106.09685). Leaves out dropout, DoRA, rank-stabilised scaling and trained embeddings. */
export interface LoraOptions {
  readonly rank: number
  readonly alpha: number
  /** Last part of the modules' names, as q_proj; PEFT's target_modules. */
  readonly targetModules: readonly string[]
}

/** A low-rank addition to a decoder. Names are the decoder's own with .lora_A [rank, in] and .lora_B [out, rank]
 *  before .weight, as in model.layers.0.self_attn.q_proj.lora_A.weight. */
export interface Adapter {
  readonly options: LoraOptions
  readonly weights: ReadonlyMap<string, Weight>
}

/** A fresh adapter that changes nothing yet: A uniform within 1 / sqrt(in), as PEFT draws it, and B zero. */
export function initialAdapter(config: DecoderConfig, options: LoraOptions, seed: number): Adapter {
  const weights = new Map<string, Weight>()
  for (const [name, shape] of adapterShapes(config, options)) {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1))
    if (name.endsWith('.lora_A.weight')) {
      const random = rngFor(seed, 'initial-adapter', name)
      const most = 1 / Math.sqrt(shape[1] as number)
      for (let i = 0; i < data.length; i++) data[i] = most * (2 * random.next() - 1)
    }
    weights.set(name, { shape, data })
  }
  return { options, weights }
}

/** The checkpoint with the addition worked into its weights; what the adapter does not touch is shared, not copied. */
export function mergeAdapter(checkpoint: Checkpoint, { options, weights: low }: Adapter): Checkpoint {
  const weights = new Map(checkpoint.weights)
  for (const [name, b] of low) {
    if (!name.endsWith('.lora_B.weight')) continue
    const module = name.slice(0, -'.lora_B.weight'.length)
    const a = low.get(`${module}.lora_A.weight`) as Weight
    const base = weights.get(`${module}.weight`) as Weight
    weights.set(`${module}.weight`, { shape: base.shape, data: merged(base, a, b, options) })
  }
  return { config: checkpoint.config, weights }
}

function merged(base: Weight, a: Weight, b: Weight, { rank, alpha }: LoraOptions): Float32Array {
  const [rows, columns] = base.shape as [number, number]
  const data = Float32Array.from(base.data)
  for (let row = 0; row < rows; row++) {
    for (let r = 0; r < rank; r++) {
      const factor = (alpha / rank) * (b.data[row * rank + r] as number)
      for (let column = 0; column < columns; column++) {
        const at = row * columns + column
        data[at] = (data[at] as number) + factor * (a.data[r * columns + column] as number)
      }
    }
  }
  return data
}

/** Last parts of the names of a decoder's modules that can have a low-rank addition: all its projections. */
export function adaptable(config: DecoderConfig): readonly string[] {
  const names = [...tensorShapes(config).keys()].flatMap(
    (name) => /(\w+_proj)\.weight$/.exec(name)?.[1] ?? [],
  )
  return [...new Set(names)].sort()
}

/** Name and shape of every tensor of an adapter for a decoder; a target that the decoder lacks is an error. */
function adapterShapes(config: DecoderConfig, { rank, targetModules }: LoraOptions): Map<string, number[]> {
  const shapes = new Map<string, number[]>()
  const missing = targetModules.filter((target) => !adaptable(config).includes(target))
  for (const [name, shape] of tensorShapes(config)) {
    const [, module, last] = /^(.*\.(\w+_proj))\.weight$/.exec(name) ?? []
    if (module === undefined || !targetModules.includes(last ?? '')) continue
    const [out, inputs] = shape as [number, number]
    shapes.set(`${module}.lora_A.weight`, [rank, inputs])
    shapes.set(`${module}.lora_B.weight`, [out, rank])
  }
  if (missing.length === 0 && shapes.size > 0) return shapes
  throw new FulcrumError(
    'model',
    `A ${config.architecture} decoder has no module ${missing.join(', ') || 'to adapt: none was named'}`,
    `It has ${adaptable(config).join(', ')}.`,
  )
}

const peftConfig = z.looseObject({
  peft_type: z.literal('LORA'),
  r: z.int().positive(),
  lora_alpha: z.number().positive(),
  target_modules: z.union([z.string(), z.array(z.string())]),
  bias: z.literal('none').nullish(),
  use_dora: z.literal(false).nullish(),
  use_rslora: z.literal(false).nullish(),
  fan_in_fan_out: z.literal(false).nullish(),
  modules_to_save: z.null().or(z.array(z.string()).max(0)).optional(),
  rank_pattern: z.record(z.string(), z.never()).nullish(),
  alpha_pattern: z.record(z.string(), z.never()).nullish(),
})

/** What peft puts before the decoder's own names. */
const prefix = 'base_model.model.'

/** Writes adapter_config.json and adapter_model.safetensors as peft 0.17 and later load them. */
export async function saveAdapter(
  folder: string,
  { options, weights }: Adapter,
  { baseModel }: { readonly baseModel: string },
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const named = new Map([...weights].map(([name, weight]) => [prefix + name, weight]))
  await writeWhole(join(folder, 'adapter_model.safetensors'), writeSafetensors(named))
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: options.rank,
    lora_alpha: options.alpha,
    lora_dropout: 0,
    target_modules: [...options.targetModules].sort(),
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
  }
  await writeWhole(join(folder, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/** Reads a PEFT folder for a decoder and checks every tensor; all that is missing or misshapen is listed at once. */
export async function loadAdapter(folder: string, config: DecoderConfig): Promise<Adapter> {
  const configPath = join(folder, 'adapter_config.json')
  const parsed = peftConfig.safeParse(await readJson(configPath))
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`)
    throw new FulcrumError(
      'model',
      `${configPath} is not an adapter this decoder can take: ${mistakes.join('; ')}`,
      'Use plain LoRA, or merge the adapter into its model with peft.',
    )
  }
  const { r: rank, lora_alpha: alpha, target_modules: targets } = parsed.data
  const options = { rank, alpha, targetModules: typeof targets === 'string' ? [targets] : targets }
  const path = join(folder, 'adapter_model.safetensors')
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new FulcrumError('model', `Cannot read ${path}`, 'An adapter folder holds it.', cause)
  })
  const found = readSafetensors(bytes, path)
  const weights = new Map<string, Weight>()
  const mistakes: string[] = []
  for (const [name, shape] of adapterShapes(config, options)) {
    const weight = found.get(prefix + name)
    if (weight === undefined) mistakes.push(`${name} is missing`)
    else if (weight.shape.join() !== shape.join())
      mistakes.push(`${name} is [${weight.shape.join(', ')}], the model wants [${shape.join(', ')}]`)
    else weights.set(name, weight)
    found.delete(prefix + name)
  }
  for (const name of found.keys()) mistakes.push(`${name} belongs to no target module`)
  if (mistakes.length === 0) return { options, weights }
  const shown = mistakes.slice(0, 8).join('; ')
  const more = mistakes.length > 8 ? `; and ${mistakes.length - 8} more` : ''
  throw new FulcrumError(
    'model',
    `${folder} does not fit the model: ${shown}${more}`,
    'Use the model that the adapter was trained on.',
  )
}
