import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'amaro'

interface Loaded {
  format: string
  source?: string
  shortCircuit?: boolean
}

/** A module hook that strips the types of .ts files, for the Node versions that do not do it themselves. */
export async function load(
  url: string,
  context: object,
  nextLoad: (url: string, context: object) => Promise<Loaded>,
): Promise<Loaded> {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const text = await readFile(fileURLToPath(url), 'utf8')
  return { format: 'module', source: transformSync(text, { mode: 'strip-only' }).code, shortCircuit: true }
}
