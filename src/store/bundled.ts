import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FulcrumError } from '../errors.ts'

/** Absolute path of something that ships with Fulcrum (`datasets/models/student`), from source, dist or an install. */
export function bundled(path: string): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) {
      throw new FulcrumError(
        'store',
        `No package.json above ${fileURLToPath(import.meta.url)}`,
        'Reinstall fulcrum.',
      )
    }
    folder = above
  }
  return join(folder, path)
}
