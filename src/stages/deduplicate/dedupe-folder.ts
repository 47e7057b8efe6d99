import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { claim, sweep } from '../../pipeline/claim.ts'
import { readDedupeSummary } from '../../store/dedupe-summary.ts'
import { sha256OfFile, syncFolder, writeFailure, writeWhole } from '../../store/files.ts'
import type { DuplicateOptions } from './options.ts'

/** Files of a run beside its corpus. */
/** Ends a run: manifest.json names every file of the folder with its hash, and is written last. */
export async function sealDedupe(out: string, version: string): Promise<void> {
  const summary = await readDedupeSummary(join(out, 'dedupe.json'))
  const names = [
    'dedupe.json',
    'dedupe.html',
    ...tables,
    ...summary.inputs.map(({ file }) => `corpus/${file}`),
  ]
  const files = []
  for (const file of names.sort()) {
    const path = join(out, file)
    files.push({ file, bytes: (await stat(path)).size, sha256: await sha256OfFile(path) })
  }
  const { options, inputs } = summary
  const manifest = {
    format: 'fulcrum-dedupe-manifest/1',
    versions: { fulcrum: version },
    options,
    inputs,
    files,
  }
  await writeWhole(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

const tables = ['removed.parquet', 'clusters.parquet']

/** Takes a folder for a run, or refuses it with what differs; true if such a run has ended there and is whole. */
export async function claimFolder(
  out: string,
  of: {
    readonly fields: readonly string[]
    readonly options: DuplicateOptions
    readonly corpus: readonly Hashed[]
  },
): Promise<boolean> {
  const identity = { format: 'fulcrum-dedupe/1', ...of }
  const configSha256 = createHash('sha256').update(JSON.stringify(identity)).digest('hex')
  await claim(out, { configSha256, identity })
  await sweep(out)
  if (await isWhole(out)) return true
  await rm(join(out, 'manifest.json'), { force: true })
  return false
}

interface Hashed {
  readonly file: string
  readonly sha256: string
}

/** Whether every file that the manifest names is there with its bytes. */
async function isWhole(out: string): Promise<boolean> {
  const text = await readFile(join(out, 'manifest.json'), 'utf8').catch(() => null)
  if (text === null) return false
  const { files } = JSON.parse(text) as { files: readonly Hashed[] }
  for (const { file, sha256 } of files)
    if ((await sha256OfFile(join(out, file)).catch(() => null)) !== sha256) return false
  return true
}

/** Puts a file that is whole where it belongs. */
export async function moveInto(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true })
    await rename(from, to)
    await syncFolder(dirname(to))
  } catch (error) {
    throw writeFailure(to, error)
  }
}
