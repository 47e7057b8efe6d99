import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from '../nn/checkpoint.ts'
import { loadAdapter, saveAdapter } from '../nn/lora.ts'
import { readSafetensors, type Weight, writeSafetensors } from '../nn/safetensors.ts'
import { syncFolder, writeFailure, writeWhole } from '../store/files.ts'
import { readLog } from './log.ts'
import type { TrainingInput, TrainingResult } from './loop.ts'

/** Where a training run stands; a checkpoint folder is there whole or not at all. */
export interface TrainingState {
  readonly step: number
  /** All weights, or those of the adapter. */
  readonly trained: ReadonlyMap<string, Weight>
  readonly moments: ReadonlyMap<string, Weight>
}

type Run = Pick<TrainingInput, 'model' | 'modelId' | 'tokenizerFrom' | 'options'>

/** Hash of everything that decides the weights a run ends with. */
function configHash(config: object): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex')
}

/** Claims an output folder for one configuration; the same command goes on, another one is refused. */
export async function claimFolder(out: string, config: object): Promise<void> {
  const path = join(out, 'run.json')
  const mine = configHash(config)
  if (existsSync(path)) {
    const found = JSON.parse(await readFile(path, 'utf8')) as { config_sha256?: string }
    if (found.config_sha256 === mine) return
    throw new FulcrumError(
      'train',
      `${out} holds a run with other settings (${found.config_sha256?.slice(0, 12) ?? 'unknown'}, this one is ${mine.slice(0, 12)})`,
      'Repeat its options to go on with it, or choose another --out.',
    )
  }
  await writeWhole(path, `${JSON.stringify({ config_sha256: mine, ...config }, null, 2)}\n`)
}

/** The newest checkpoint, or null at the start. */
export async function latestState(out: string, { model, options }: Run): Promise<TrainingState | null> {
  const folder = join(out, 'checkpoints')
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^step-\d+$/.test(name)).sort()
  const newest = names.at(-1)
  if (newest === undefined) return null
  const at = join(folder, newest)
  const path = join(at, 'optimizer.safetensors')
  const { weights } = options.lora === null ? await loadCheckpoint(at) : await loadAdapter(at, model.config)
  return {
    step: Number(newest.slice('step-'.length)),
    trained: weights,
    moments: readSafetensors(await readFile(path), path),
  }
}

/** Writes a checkpoint beside the others and makes it visible by one rename. A write that fails leaves those as they are. */
export async function saveState(
  out: string,
  { step, trained, moments }: TrainingState,
  run: Run,
): Promise<void> {
  const folder = join(out, 'checkpoints')
  const name = `step-${String(step).padStart(8, '0')}`
  const partial = join(folder, `${name}.partial`)
  try {
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true })
    await saveTensors(partial, trained, run)
    await writeWhole(join(partial, 'optimizer.safetensors'), writeSafetensors(moments))
    await rename(partial, join(folder, name))
    await syncFolder(folder)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw writeFailure(partial, error)
  }
}

/** Removes the checkpoints before the newest, once a step after it has shown that its weights are good. */
export async function dropOlderStates(out: string): Promise<void> {
  const folder = join(out, 'checkpoints')
  for (const old of (await readdir(folder)).sort().slice(0, -1))
    await rm(join(folder, old), { recursive: true, force: true })
}

/** A model folder, or a PEFT folder. */
async function saveTensors(
  folder: string,
  weights: ReadonlyMap<string, Weight>,
  { model, modelId, tokenizerFrom, options: { lora } }: Run,
): Promise<void> {
  if (lora === null) await saveCheckpoint(folder, { config: model.config, weights }, { tokenizerFrom })
  else await saveAdapter(folder, { options: lora, weights }, { baseModel: modelId })
}

/** What a run ends with: a model folder, and below it the adapter by itself where one was trained. The model's weights
 *  come last: they say that the run is finished. */
export async function saveTrained(
  out: string,
  trained: ReadonlyMap<string, Weight>,
  merged: Checkpoint,
  run: Run,
): Promise<void> {
  try {
    if (run.options.lora !== null) await saveTensors(join(out, 'adapter'), trained, run)
    await saveCheckpoint(out, merged, run)
  } catch (error) {
    throw writeFailure(out, error)
  }
}

/** What a finished run in this folder ended with, or null while it is not finished. */
export async function isFinished(out: string): Promise<TrainingResult | null> {
  if (!existsSync(join(out, 'model.safetensors'))) return null
  const entries = await readLog(out)
  const sum = (name: 'tokens' | 'positions'): number =>
    entries.reduce((total, entry) => total + entry[name], 0)
  const { step: steps, loss } = entries.at(-1) ?? { step: 0, loss: NaN }
  return { steps, loss, padding: 1 - sum('tokens') / Math.max(1, sum('positions')) }
}
