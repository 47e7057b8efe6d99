import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'amaro'

interface Loaded {
  format: string
  source?: string
  shortCircuit?: boolean
}

interface Resolved {
  url: string
  shortCircuit?: boolean
}

interface ResolveContext {
  readonly parentURL?: string
}

/** Where `fulcrum` is for a pipeline file, wherever the file lies: the very module that loads it. */
const frontDoor = new URL('../index.js', import.meta.url).href

/** A module hook: `fulcrum` is this instance, and a package that a pipeline file has not installed itself (zod) is ours. */
export async function resolve(
  specifier: string,
  context: ResolveContext,
  nextResolve: (specifier: string, context: ResolveContext) => Promise<Resolved>,
): Promise<Resolved> {
  if (specifier === 'fulcrum') return { url: frontDoor, shortCircuit: true }
  try {
    return await nextResolve(specifier, context)
  } catch (error) {
    const bare = !/^[./]|^[a-z]+:/.test(specifier)
    if (!bare || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return nextResolve(specifier, { ...context, parentURL: import.meta.url })
  }
}

/** A module hook that strips the types of .ts files, for the Node versions that do not do it themselves. */
export async function load(
  url: string,
  context: object,
  nextLoad: (url: string, context: object) => Promise<Loaded>,
): Promise<Loaded> {
  if (!url.startsWith('file:') || !/\.m?ts$/.test(url)) return nextLoad(url, context)
  const text = await readFile(fileURLToPath(url), 'utf8')
  return { format: 'module', source: transformSync(text, { mode: 'strip-only' }).code, shortCircuit: true }
}
