import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where a path really is: as given if it exists, else the file of that name that ships with Fulcrum
 *  (`datasets/models/student`), from source, dist or an install. A path found nowhere is returned as given. */
export function locate(path: string): string {
  if (existsSync(path)) return path
  const shipped = join(packageRoot(), path)
  return existsSync(shipped) ? shipped : path
}

/** The folder of Fulcrum's own package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** Fulcrum's own version. */
export async function packageVersion(): Promise<string> {
  const manifest = await readFile(join(packageRoot(), 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}
