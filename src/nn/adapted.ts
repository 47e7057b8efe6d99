import { createHash } from 'node:crypto'
import { access, readFile } from 'node:fs/promises'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { type LoadedCheckpoint, loadCheckpoint, readJson } from './checkpoint.ts'
import { loadAdapter, mergeAdapter } from './lora.ts'

/** Where a model's weights lie: a model folder, and the PEFT folder of an adapter to work into them. */
export interface ModelFolders {
  readonly folder: string
  readonly adapter?: string | undefined
}

/** Folders by one string: a model folder, `MODEL#ADAPTER`, or a PEFT folder alone, which names its own model. */
export async function findFolders(spec: string): Promise<ModelFolders> {
  const [folder, adapter] = spec.split('#') as [string, string?]
  if (adapter !== undefined) return { folder, adapter }
  const isAdapter = await access(join(folder, 'adapter_config.json')).then(
    () => true,
    () => false,
  )
  return isAdapter ? { folder: await baseOf(folder), adapter: folder } : { folder }
}

/** The checkpoint in a folder, with an adapter merged into it. */
export async function loadAdapted({ folder, adapter }: ModelFolders): Promise<LoadedCheckpoint> {
  const base = await loadCheckpoint(folder)
  if (adapter === undefined) return base
  const merged = mergeAdapter(base, await loadAdapter(adapter, base.config))
  const hash = createHash('sha256').update(base.sha256)
  for (const file of ['adapter_config.json', 'adapter_model.safetensors'])
    hash.update(await readFile(join(adapter, file)))
  return {
    ...base,
    ...merged,
    name: `${base.name}+${basename(resolve(adapter))}`,
    sha256: hash.digest('hex'),
  }
}

/** The model folder that an adapter names, as it stands or beside the adapter; nothing is fetched. */
async function baseOf(adapter: string): Promise<string> {
  const path = join(adapter, 'adapter_config.json')
  const { base_model_name_or_path: name } = z
    .looseObject({ base_model_name_or_path: z.string().nullish() })
    .parse(await readJson(path))
  const places = name == null ? [] : isAbsolute(name) ? [name] : [name, join(adapter, name)]
  for (const place of places) {
    const found = await readFile(join(place, 'config.json')).catch(() => null)
    if (found !== null) return place
  }
  throw new FulcrumError(
    'model',
    `${path} names ${name ?? 'no model'}, which is no model folder here`,
    `Name the model too: MODEL_FOLDER#${adapter}`,
  )
}
