import { posix } from 'node:path'
import type { HubFile } from '../hub/repository.ts'
import type { BenchmarkPart } from './schema.ts'

/** The files of a config and split in a dataset, in the order of their names. By the registry's paths where it has
 *  them, else by how datasets are laid out on the Hub: `config/test-00000-of-00001.parquet`,
 *  `config/test/0000.parquet` (the converted branch), `data/test-*.parquet`, `test.jsonl`, `piqa_validation.parquet`. */
export function splitFiles(
  listed: readonly HubFile[],
  { config, split, files }: Pick<BenchmarkPart, 'config' | 'split' | 'files'>,
): readonly HubFile[] {
  if (files !== undefined) {
    const found = files.map((path) => listed.find((file) => file.path === path))
    return found.every((file) => file !== undefined) ? found : []
  }
  const plain = config === 'default' ? ['data', '.', 'default'] : [config]
  const named = new RegExp(`^${escaped(split)}([-_.].*)?$`)
  const suffixed = new RegExp(`[-_]${escaped(split)}$`)
  const rules: ((folder: string, stem: string) => boolean)[] = [
    (folder, stem) => plain.includes(folder) && named.test(stem),
    (folder, stem) => folder === `${config}/${split}` && /^\d+$/.test(stem),
    (folder, stem) => plain.includes(folder) && suffixed.test(stem),
  ]
  for (const extension of [/\.parquet$/, /\.(jsonl|ndjson|json)(\.(gz|zst))?$/]) {
    for (const rule of rules) {
      const found = listed.filter(({ path }) => {
        const name = posix.basename(path)
        return extension.test(name) && rule(posix.dirname(path), name.replace(extension, ''))
      })
      if (found.length > 0) return [...found].sort((a, b) => (a.path < b.path ? -1 : 1))
    }
  }
  return []
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
