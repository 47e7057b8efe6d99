import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from '../nn/checkpoint.ts'
import { readSafetensors, type Weight, writeSafetensors } from '../nn/safetensors.ts'
import { syncFolder, writeWhole } from '../store/files.ts'

/** Where a training run stands; a checkpoint folder is there whole or not at all. */
export interface TrainingState {
  readonly step: number
  readonly checkpoint: Checkpoint
  readonly moments: ReadonlyMap<string, Weight>
}

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
export async function latestState(out: string): Promise<TrainingState | null> {
  const folder = join(out, 'checkpoints')
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^step-\d+$/.test(name)).sort()
  const newest = names.at(-1)
  if (newest === undefined) return null
  const at = join(folder, newest)
  const path = join(at, 'optimizer.safetensors')
  return {
    step: Number(newest.slice('step-'.length)),
    checkpoint: await loadCheckpoint(at),
    moments: readSafetensors(await readFile(path), path),
  }
}

/** Writes a checkpoint beside the others, makes it visible by one rename, then removes the older ones. */
export async function saveState(out: string, state: TrainingState, tokenizerFrom: string): Promise<void> {
  const folder = join(out, 'checkpoints')
  const name = `step-${String(state.step).padStart(8, '0')}`
  const partial = join(folder, `${name}.partial`)
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  await saveCheckpoint(partial, state.checkpoint, { tokenizerFrom })
  await writeWhole(join(partial, 'optimizer.safetensors'), writeSafetensors(state.moments))
  await rename(partial, join(folder, name))
  await syncFolder(folder)
  for (const old of await readdir(folder)) {
    if (old !== name) await rm(join(folder, old), { recursive: true, force: true })
  }
}

/** What a finished run in this folder ended with, or null while it is not finished. */
export async function isFinished(out: string): Promise<{ steps: number; loss: number } | null> {
  if (!existsSync(join(out, 'model.safetensors'))) return null
  const lines = (await readFile(join(out, 'log.jsonl'), 'utf8')).trim().split('\n')
  const { step, loss } = JSON.parse(lines.at(-1) ?? '{}') as { step: number; loss: number }
  return { steps: step, loss }
}
