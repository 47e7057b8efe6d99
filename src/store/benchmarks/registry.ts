import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import { packageRoot } from '../bundled.ts'
import { type Benchmark, benchmarkSchema } from './schema.ts'

let loaded: readonly Benchmark[] | undefined

/** Every benchmark that Fulcrum knows by name, in the order of names. */
export function registry(): readonly Benchmark[] {
  if (loaded !== undefined) return loaded
  const folder = join(packageRoot(), 'datasets/benchmarks')
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const found = names.map((name) => parse(join(folder, name)))
  return (loaded = found.sort((a, b) => (a.name < b.name ? -1 : 1)))
}

/** The benchmark of a name, however it is capitalised, or null. */
export const benchmarkNamed = (name: string): Benchmark | null =>
  registry().find((benchmark) => benchmark.name === name.toLowerCase()) ?? null

/** The error for a name that is neither a benchmark nor a file. */
export function unknownBenchmark(name: string): FulcrumError {
  const names = registry().map((benchmark) => benchmark.name)
  return new FulcrumError(
    'config',
    `There is no benchmark and no file ${name}`,
    `Name one of ${names.join(', ')}; or a file; or NAME=PATH.`,
  )
}

function parse(path: string): Benchmark {
  const parsed = benchmarkSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (parsed.data !== undefined) return parsed.data
  throw new FulcrumError('data', `${path}: ${z.prettifyError(parsed.error)}`, 'Mend the file.')
}
