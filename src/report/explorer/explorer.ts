import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FulcrumError } from '../../errors.ts'
import { writeWhole } from '../../store/files.ts'
import { readManifest } from '../../store/manifest.ts'
import { explorerDocument } from './document.ts'
import type { Counts } from './embedded.ts'
import { readExplorer } from './read.ts'
import type { Dataset } from './rows.ts'

export interface ExplorerOptions {
  /** A run folder, or its manifest.json. */
  readonly dataset: string
  /** The HTML file to write; explorer.html in the run folder by default. */
  readonly out?: string | undefined
  /** Most traces in the page, those with the largest changes. */
  readonly traces: number
}

export interface WrittenExplorer {
  readonly out: string
  readonly counts: Counts
  /** Traces in the page. */
  readonly shown: number
}

/** Writes the explorer of a dataset's searched traces as one self-contained HTML file. */
export async function writeExplorer({ dataset, out, traces }: ExplorerOptions): Promise<WrittenExplorer> {
  const manifest = await manifestOf(dataset)
  const folder = dirname(manifest)
  const data = await readExplorer(await searchedDataset(manifest, folder), traces)
  const path = out ?? join(folder, 'explorer.html')
  await writeWhole(path, await explorerDocument(data))
  return { out: path, counts: data.index.counts, shown: data.details.length }
}

async function manifestOf(dataset: string): Promise<string> {
  const isFolder = await stat(dataset).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return isFolder ? join(dataset, 'manifest.json') : dataset
}

const explorable = ['search_trace', 'pivotal_tokens', 'dpo_pivotal']

async function searchedDataset(path: string, folder: string): Promise<Dataset> {
  const manifest = await readManifest(path)
  if (explorable.some((config) => config in manifest.configs)) return { manifest, folder }
  throw new FulcrumError(
    'data',
    `${path} has no pivotal tokens to explore: its configs are ${Object.keys(manifest.configs).join(', ') || 'none'}`,
    `Give a dataset with ${explorable.join(', ')}, as fulcrum run quickstart makes.`,
  )
}
