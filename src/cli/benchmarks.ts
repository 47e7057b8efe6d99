import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { defaultCache, readFetched, verifyFetched } from '../store/benchmarks/cache.ts'
import { fetchBenchmark, stateOf } from '../store/benchmarks/fetch.ts'
import { benchmarkNamed, registry, unknownBenchmark } from '../store/benchmarks/registry.ts'
import type { Benchmark } from '../store/benchmarks/schema.ts'
import { connectHub, type Hub } from '../store/hub/connection.ts'
import { command, type Terminal } from './command.ts'
import { formatCount, table } from './table.ts'

const shared = {
  cache: z
    .string()
    .optional()
    .describe('folder of fetched benchmarks (~/.cache/fulcrum/benchmarks by default)'),
  pin: z.string().optional().describe('lock file: what it says of a benchmark is binding'),
}
const json = z.boolean().default(false).describe('print JSON')
const names = [{ name: '[NAMES...]', meaning: 'names from fulcrum benchmarks list' }]

/** What the registry knows, and what of it is here. */
export const list = command({
  name: 'benchmarks list',
  summary: 'List the benchmarks that Fulcrum knows, with their licences and what is fetched',
  positionals: [],
  options: z.object({ ...shared, json }),
  example: 'fulcrum benchmarks list',
  run: ({ options: { cache = defaultCache(), pin, json: asJson } }, { print }) => {
    const rows = registry().map((benchmark) => {
      const { name, title, licence, source, parts, note } = benchmark
      const state = stateOf(benchmark, cache, pin)
      const dataset = source.kind === 'hub' ? source.dataset : null
      return { name, title, items: itemsOf(benchmark, cache), licence, state, dataset, parts, note }
    })
    if (asJson) print(JSON.stringify(rows, null, 2))
    else {
      const cells = rows.map(({ name, items, licence, state }) => [name, items ?? '?', licence, state])
      print(table([['name', 'items', 'licence', 'state'], ...cells]))
    }
    return Promise.resolve(0)
  },
})

/** Downloads benchmarks from the Hub. */
export const fetch = command({
  name: 'benchmarks fetch',
  summary: 'Fetch benchmarks from the Hub into the cache; what is there and whole is not fetched again',
  positionals: names,
  options: z.object({
    ...shared,
    all: z.boolean().default(false).describe('every benchmark that is neither gated nor unobtainable'),
    update: z.boolean().default(false).describe('take the newest commit instead of the one recorded'),
    hub: z
      .string()
      .default('https://huggingface.co')
      .describe('the Hub or a mirror; it gets HF_TOKEN of the environment'),
  }),
  example: 'fulcrum benchmarks fetch gsm8k math-500',
  run: async ({ options, positionals }, terminal) => {
    const chosen = options.all ? registry().filter(isOpen) : named(positionals)
    if (chosen.length === 0) {
      throw new FulcrumError('config', 'No benchmark is named', 'Name some, or give --all.')
    }
    // The token comes from the environment, like every key; nothing else does.
    const hub = connectHub({ url: options.hub, token: process.env['HF_TOKEN'], signal: terminal.signal })
    const failed: FulcrumError[] = []
    for (const benchmark of chosen) {
      try {
        await fetchOne(hub, benchmark, options, terminal)
      } catch (error) {
        // One that is gated or gone must not keep the others away.
        if (chosen.length === 1 || terminal.signal.aborted || !(error instanceof FulcrumError)) throw error
        terminal.tell(`${benchmark.name}: ${error.message}\n  next: ${error.hint}\n`)
        failed.push(error)
      }
    }
    await hub.close()
    if (failed.length > 0) terminal.tell(`${failed.length} of ${chosen.length} benchmarks were not fetched\n`)
    return failed.length > 0 ? 1 : 0
  },
})

/** Checks the cache against what was recorded at the first fetch. */
export const verify = command({
  name: 'benchmarks verify',
  summary: 'Check fetched benchmarks against their recorded sha256 and rows',
  positionals: names,
  options: z.object({ cache: shared.cache, json }),
  example: 'fulcrum benchmarks verify',
  run: async ({ options: { cache = defaultCache(), json: asJson }, positionals }, { print }) => {
    const chosen =
      positionals.length > 0
        ? named(positionals)
        : registry().filter(({ name }) => readFetched(cache, name).length > 0)
    const checked: { name: string; problems: string[] }[] = []
    for (const { name } of chosen) {
      const isThere = readFetched(cache, name).length > 0
      checked.push({
        name,
        problems: isThere ? await verifyFetched(cache, name) : ['is not fetched'],
      })
    }
    const bad = checked.filter(({ problems }) => problems.length > 0)
    if (asJson) print(JSON.stringify({ ok: bad.length === 0, benchmarks: checked }, null, 2))
    else {
      for (const { name, problems } of bad) for (const problem of problems) print(`${name}: ${problem}`)
      print(`${checked.length - bad.length} of ${checked.length} fetched benchmarks are as recorded`)
    }
    return bad.length === 0 ? 0 : 1
  },
})

const isOpen = ({ source }: Benchmark): boolean => source.kind === 'hub' && !source.gated

const named = (positionals: readonly string[]): readonly Benchmark[] =>
  positionals.map((name) => {
    const benchmark = benchmarkNamed(name)
    if (benchmark === null) throw unknownBenchmark(name)
    return benchmark
  })

async function fetchOne(
  hub: Hub,
  benchmark: Benchmark,
  {
    cache = defaultCache(),
    pin,
    update,
  }: { cache?: string | undefined; pin?: string | undefined; update: boolean },
  { print, tell, live, now }: Terminal,
): Promise<void> {
  let last = now()
  const watch = (path: string, bytes: number, of: number): void => {
    const time = now()
    if (bytes < of && time - last < (live ? 200 : 5000)) return
    last = time
    const text = `${benchmark.name} ${path} ${megabytes(bytes)} of ${megabytes(of)} MB`
    tell(live ? `\r\x1b[2K${text}` : `${text}\n`)
  }
  const parts = await fetchBenchmark(hub, benchmark, { cache, pin, update, watch })
  if (live) tell('\r\x1b[2K')
  const rows = parts.reduce((sum, part) => sum + part.rows, 0)
  const commits = [...new Set(parts.map(({ commit }) => commit.slice(0, 12)))].join(', ')
  print(`${benchmark.name}: ${formatCount(rows)} items, commit ${commits}; licence: ${benchmark.licence}`)
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

/** Items as fetched, else as the registry knows; null where a part is not known. */
function itemsOf({ name, parts }: Benchmark, cache: string): number | null {
  const fetched = readFetched(cache, name)
  const rows =
    fetched.length === parts.length ? fetched.map((part) => part.rows) : parts.map((part) => part.rows)
  if (rows.length === 0 || rows.includes(null)) return null
  return rows.reduce<number>((sum, count) => sum + (count ?? 0), 0)
}
