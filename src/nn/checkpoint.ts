import { createHash } from 'node:crypto'
import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { FulcrumError } from '../errors.ts'
import { writeWhole } from '../store/files.ts'
import { type DecoderConfig, parseConfig, tensorShapes, writeConfig } from './config.ts'
import { readSafetensors, type Weight, writeSafetensors } from './safetensors.ts'

/** Weights by Hugging Face name, [out, in], with the config that says what they mean. */
export interface Checkpoint {
  readonly config: DecoderConfig
  readonly weights: ReadonlyMap<string, Weight>
}

export interface LoadedCheckpoint extends Checkpoint {
  readonly folder: string
  readonly name: string
  /** Of the weight files' bytes, in file order, hex. */
  readonly sha256: string
}

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'] as const

/** Loads a Hugging Face model folder (one safetensors file or a sharded index) and checks every tensor;
 *  all that is missing or misshapen is listed at once. */
export async function loadCheckpoint(folder: string): Promise<LoadedCheckpoint> {
  const configPath = join(folder, 'config.json')
  const config = parseConfig(await readJson(configPath), configPath)
  const hash = createHash('sha256')
  const weights = new Map<string, Weight>()
  for (const file of await weightFiles(folder)) {
    const path = join(folder, file)
    const bytes = await readModelFile(path)
    hash.update(bytes)
    for (const [name, weight] of readSafetensors(bytes, path)) weights.set(name, weight)
  }
  return {
    config,
    weights: checkWeights(config, weights, folder),
    folder,
    name: basename(resolve(folder)),
    sha256: hash.digest('hex'),
  }
}

/** Writes a folder that Fulcrum, transformers and vLLM load; the tokenizer files are copied from another folder. */
export async function saveCheckpoint(
  folder: string,
  checkpoint: Checkpoint,
  options: { readonly tokenizerFrom: string },
): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeWhole(
    join(folder, 'config.json'),
    `${JSON.stringify(writeConfig(checkpoint.config), null, 2)}\n`,
  )
  for (const file of tokenizerFiles) {
    const from = join(options.tokenizerFrom, file)
    const copied =
      resolve(from) === resolve(folder, file) ? Promise.resolve() : copyFile(from, join(folder, file))
    await copied.catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    })
  }
  await writeWhole(join(folder, 'model.safetensors'), writeSafetensors(checkpoint.weights))
}

async function weightFiles(folder: string): Promise<readonly string[]> {
  const index = await readFile(join(folder, 'model.safetensors.index.json'), 'utf8').catch(() => null)
  if (index === null) return ['model.safetensors']
  const { weight_map: map } = JSON.parse(index) as { weight_map?: Record<string, string> }
  const files = [...new Set(Object.values(map ?? {}))].sort()
  const outside = files.find((file) => file !== basename(file))
  if (outside !== undefined) {
    throw new FulcrumError(
      'model',
      `${folder}: the weight index names ${outside}`,
      'Weight files must lie in the folder.',
    )
  }
  return files
}

function checkWeights(
  config: DecoderConfig,
  found: ReadonlyMap<string, Weight>,
  folder: string,
): ReadonlyMap<string, Weight> {
  const mistakes: string[] = []
  const weights = new Map<string, Weight>()
  for (const [name, shape] of tensorShapes(config)) {
    const weight = found.get(name)
    if (weight === undefined) mistakes.push(`${name} is missing`)
    else if (weight.shape.join() !== shape.join()) {
      mistakes.push(`${name} is [${weight.shape.join(', ')}], the config wants [${shape.join(', ')}]`)
    } else weights.set(name, weight)
  }
  if (mistakes.length > 0) {
    const shown =
      mistakes.slice(0, 8).join('; ') + (mistakes.length > 8 ? `; and ${mistakes.length - 8} more` : '')
    throw new FulcrumError(
      'model',
      `${folder} does not fit its config.json: ${shown}`,
      'Fetch or write the model again.',
    )
  }
  return weights
}

async function readModelFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new FulcrumError(
      'model',
      `Cannot read ${path}`,
      'A model folder holds config.json, tokenizer.json and model.safetensors.',
      cause,
    )
  }
}

/** A JSON file of a model folder. */
export async function readJson(path: string): Promise<unknown> {
  const text = (await readModelFile(path)).toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new FulcrumError('model', `${path} is not JSON`, 'Fetch or write the model again.', cause)
  }
}
