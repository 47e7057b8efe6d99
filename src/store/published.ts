import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import { digests } from './hub/download.ts'
import { readManifest } from './manifest.ts'

/** A file of a built dataset as it is published. */
export interface PublishedFile {
  /** In the repository. */
  readonly path: string
  readonly from: string
  readonly bytes: number
  readonly sha256: string
  /** sha1 of git's blob. */
  readonly gitOid: string
}

export interface PublishedOptions {
  /** Rows that were removed, with their reasons, too: contaminated ones hold benchmark items. */
  readonly removed: boolean
}

/** Beside the shards: what a run writes at its end. Sidecars are there for some configs only. */
const [always, sometimes] = [
  ['README.md', 'dataset_info.json', 'manifest.json'],
  ['causal_events', 'pivotal_tokens', 'dpo_pairs'].map((name) => `sidecars/${name}.jsonl`),
]

/** The files of a built dataset that others may have: shards that its manifest names, each checked against it, and what
 *  describes them. Never the ledger, plans, commit records or attempts. */
export async function publishedFiles(
  folder: string,
  { removed }: PublishedOptions,
): Promise<PublishedFile[]> {
  const path = folder.endsWith('manifest.json') ? folder : join(folder, 'manifest.json')
  const root = dirname(path)
  const manifest = await readManifest(path)
  const shards = [
    ...Object.values(manifest.configs).flatMap((config) => config.shards),
    ...(removed ? manifest.removed.shards : []),
  ]
  const files: PublishedFile[] = []
  for (const file of always) files.push(await required(root, file))
  for (const file of sometimes) {
    const found = await fileAt(root, file)
    if (found !== null) files.push(found)
  }
  for (const { file, sha256 } of shards) {
    const found = await required(root, file)
    if (found.sha256 !== sha256) {
      throw new FulcrumError(
        'store',
        `${found.from} is not the file its manifest names`,
        `Run fulcrum verify ${path}; delete the shard's commit record and run the pipeline again.`,
      )
    }
    files.push(found)
  }
  return files
}

async function required(root: string, path: string): Promise<PublishedFile> {
  const found = await fileAt(root, path)
  if (found !== null) return found
  throw new FulcrumError(
    'store',
    `${join(root, path)} is missing`,
    'Run the pipeline again: it is made at its end.',
  )
}

async function fileAt(root: string, path: string): Promise<PublishedFile | null> {
  const from = join(root, path)
  const found = await stat(from).catch(() => null)
  if (found === null || !found.isFile()) return null
  const { sha256, git } = await digests(from, found.size)
  return { path, from, bytes: found.size, sha256, gitOid: git }
}
