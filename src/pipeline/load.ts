import { existsSync, readdirSync } from 'node:fs'
import { register } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { FulcrumError } from '../errors.ts'
import { packageRoot } from '../store/bundled.ts'
import type { PipelineDefinition } from './define.ts'

/** Names of the pipelines that ship: the files of pipelines/, which `loadPipeline` takes by name. */
export function bundledPipelines(): string[] {
  const names = readdirSync(join(packageRoot(), 'pipelines'))
  return names.flatMap((name) => (name.endsWith('.ts') ? [name.slice(0, -'.ts'.length)] : [])).sort()
}

let hooksAreIn = false

/** Loads a pipeline file (.ts or .js), or one that ships by its name. It is a program: only load files you trust. */
export async function loadPipeline(nameOrPath: string): Promise<PipelineDefinition> {
  const path = find(nameOrPath)
  if (/\.m?[jt]s$/.test(path) && !hooksAreIn && !import.meta.url.endsWith('.ts')) {
    register('./typescript-loader.js', import.meta.url)
    hooksAreIn = true
  }
  let loaded: { default?: Partial<PipelineDefinition> }
  try {
    loaded = (await import(pathToFileURL(path).href)) as typeof loaded
  } catch (cause) {
    if (cause instanceof FulcrumError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FulcrumError(
      'config',
      `${nameOrPath} cannot be loaded: ${reason}`,
      'Mend the file; `npx tsc --noEmit` shows type errors.',
      cause,
    )
  }
  const definition = loaded.default
  if (typeof definition?.build === 'function' && definition.options !== undefined)
    return definition as PipelineDefinition
  throw new FulcrumError(
    'config',
    `${nameOrPath} exports no pipeline`,
    'Write `export default definePipeline({ ... })`.',
  )
}

function find(nameOrPath: string): string {
  if (bundledPipelines().includes(nameOrPath)) {
    const source = import.meta.url.endsWith('.ts')
    return join(packageRoot(), source ? `pipelines/${nameOrPath}.ts` : `dist/pipelines/${nameOrPath}.js`)
  }
  const path = resolve(nameOrPath)
  if (existsSync(path)) return path
  throw new FulcrumError(
    'config',
    `There is no pipeline ${nameOrPath}`,
    `Give the path of a pipeline file, or one that ships: ${bundledPipelines().join(', ')}.`,
  )
}
