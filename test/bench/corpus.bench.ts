/** Files of a corpus to hits: `npm run bench:decontamination`. Rates are bytes of the unpacked file over CPU time, times
 *  two for two workers: what two idle cores give; the wall clock's rate stands beside. With --10gb also memory over a
 *  10 GB file. Files lie in a temporary folder, so they are in the page cache. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type PassOptions, scanCorpus } from '../../src/corpus/scan.ts'
import { col } from '../../src/record/columns.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'
import { readyZstd, zstd } from '../../src/store/zstd.ts'
import { fineWebShape } from '../../src/text/minhash.ts'
import { buildTextIndex } from '../../src/text/scan.ts'
import { type Figure, main } from './figure.ts'
import { textMaker } from './generated-text.ts'
import { naiveScan } from './scan-baselines.ts'

const maker = textMaker(1)
const items = Array.from({ length: 3000 }, () => maker.text(100))
const index = buildTextIndex(items)
const rounds = 3

interface Record {
  readonly id: string
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

/** Two turns of about 40 and 500 words; an item in one of a thousand. */
const recordAt = (i: number): Record => ({
  id: `row-${i}`,
  messages: [
    { role: 'user', content: maker.text(40) },
    { role: 'assistant', content: `${maker.text(500)}${i % 1000 === 0 ? (items[i % 3000] as string) : ''}` },
  ],
})

export async function bench(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-bench-'))
  try {
    const files = await makeFiles(folder)
    const naive = await naiveRate(files.sample)
    const figures: Figure[] = []
    const add = async (
      name: string,
      paths: readonly string[],
      bytes: number,
      workers: number,
      pass?: Partial<PassOptions>,
    ) => {
      const { cpu, wall } = await scanRate(paths, bytes, workers, pass)
      const figure = { bench: 'corpus', unit: 'MB/s', baseline: 'JSON.parse, split, Map' }
      figures.push({
        ...figure,
        case: `${name}, ${workers} workers, CPU time`,
        value: cpu,
        ratio: cpu / naive,
      })
      figures.push({
        ...figure,
        case: `${name}, ${workers} workers, wall clock`,
        value: wall,
        ratio: wall / naive,
      })
    }
    figures.push({
      bench: 'corpus',
      case: 'JSON.parse, split and Map',
      value: naive,
      unit: 'MB/s',
      baseline: 'itself',
      ratio: 1,
    })
    // Four times, so that the start of the threads weighs as in a corpus and not as in a sample.
    const corpus = Array<string>(4).fill(files.large)
    const large = statSync(files.large).size
    for (const workers of [1, 2]) await add('JSONL, 2.1 GB', corpus, 4 * large, workers)
    await add('JSONL, 0.5 GB', [files.large], large, 2)
    await add('JSONL, 0.07 GB', [files.small], statSync(files.small).size, 2)
    await add('JSONL with MinHash of the contents', [files.large], statSync(files.large).size, 2, {
      fields: ['messages[].content'],
      signatures: fineWebShape,
    })
    await add('JSONL with MinHash of all strings', [files.large], statSync(files.large).size, 2, {
      signatures: fineWebShape,
    })
    const small = statSync(files.small).size
    for (const kind of ['gz', 'zst', 'parquet'] as const)
      await add(kind, [files[kind], files[kind]], 2 * (kind === 'parquet' ? files.textBytes : small), 2)
    return [...figures, ...memory(folder, files.large)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function makeFiles(folder: string) {
  await readyZstd()
  const at = (name: string): string => join(folder, name)
  const records = Array.from({ length: 20_000 }, (_, i) => recordAt(i))
  const lines = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  const files = {
    ...{ small: at('small.jsonl'), large: at('large.jsonl'), sample: at('sample.jsonl') },
    ...{ gz: at('small.jsonl.gz'), zst: at('small.jsonl.zst'), parquet: at('small.parquet') },
  }
  writeFileSync(files.small, lines)
  writeFileSync(
    files.sample,
    records
      .slice(0, 1500)
      .map((record) => `${JSON.stringify(record)}\n`)
      .join(''),
  )
  writeFileSync(files.large, '')
  for (let copy = 0; copy < 8; copy++) appendFileSync(files.large, lines)
  writeFileSync(files.gz, gzipSync(lines))
  writeFileSync(files.zst, zstd(lines))
  const message = col.struct({ role: col.string('role'), content: col.string('text') }, 'a turn')
  const columns = { id: col.string('id'), messages: col.list(message, 'turns') }
  const writer = await createParquetWriter(files.parquet, { columns, metadata: {} })
  for (const record of records) await writer.write({ ...record })
  await writer.close()
  const textBytes = records.reduce(
    (sum, { id, messages }) =>
      sum + id.length + messages.reduce((of, { role, content }) => of + role.length + content.length, 0),
    0,
  )
  return { ...files, textBytes }
}

/** MB/s, the best of some passes. CPU time counts as if the workers had a core each and nobody else were there. */
async function scanRate(
  paths: readonly string[],
  bytes: number,
  workers: number,
  pass?: Partial<PassOptions>,
): Promise<{ cpu: number; wall: number }> {
  let [cpu, wall] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const [start, cpuStart] = [performance.now(), process.cpuUsage()]
    const options = { index, workers, ...pass }
    for await (const event of scanCorpus(
      paths.map((path) => ({ path })),
      options,
    ))
      if (event.kind === 'totals' && event.counts.rows % 20_000 !== 0) throw new Error('rows are missing')
    const { user, system } = process.cpuUsage(cpuStart)
    wall = Math.max(wall, bytes / 1e3 / (performance.now() - start))
    cpu = Math.max(cpu, (workers * bytes) / (user + system))
  }
  return { cpu, wall }
}

/** The same work as one writes it first, one thread. */
async function naiveRate(path: string): Promise<number> {
  const scan = naiveScan(items, [7, 13])
  const bytes = readFileSync(path)
  let best = 0
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    for (const line of bytes.toString().split('\n')) {
      if (line === '') continue
      const { id, messages } = JSON.parse(line) as Record
      for (const text of [id, ...messages.flatMap(({ role, content }) => [role, content])]) scan(text)
    }
    const { user, system } = process.cpuUsage(start)
    best = Math.max(best, bytes.length / (user + system))
    await Promise.resolve()
  }
  return best
}

/** Peak resident memory of a process that scans a file of so many bytes with two workers. Linux alone: maxRSS would
 *  count what this process held when it started that one. */
function memory(folder: string, block: string): Figure[] {
  const path = join(folder, 'stream.jsonl')
  const bytes = readFileSync(block)
  const sizes = [0.5, 2, ...(process.argv.includes('--10gb') ? [10] : [])]
  const program = `
    const { scanCorpus } = await import(${JSON.stringify(new URL('../../src/corpus/scan.ts', import.meta.url).href)})
    const { buildTextIndex } = await import(${JSON.stringify(new URL('../../src/text/scan.ts', import.meta.url).href)})
    const { readFileSync } = await import('node:fs')
    const items = JSON.parse(readFileSync(${JSON.stringify(join(folder, 'items.json'))}, 'utf8'))
    let hits = 0
    for await (const event of scanCorpus([{ path: ${JSON.stringify(path)} }], { index: buildTextIndex(items), workers: 2 })) if (event.kind === 'hit') hits++
    console.log(hits + ' ' + /VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])`
  writeFileSync(join(folder, 'items.json'), JSON.stringify(items))
  writeFileSync(path, '')
  let first = 0
  return sizes.map((gigabytes) => {
    while (statSync(path).size < gigabytes * 1e9) appendFileSync(path, bytes)
    const loader = new URL('strip-types.js', import.meta.url).href
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', loader, '--input-type=module', '-e', program],
      { encoding: 'utf8' },
    )
    const [hits, kilobytes] = stdout.split(' ').map(Number)
    if (!((hits ?? 0) > 0)) throw new Error(stderr)
    const value = (kilobytes as number) / 1e6
    first ||= value
    return {
      bench: 'corpus',
      case: `peak memory over ${gigabytes} GB of JSONL`,
      value,
      unit: 'GB',
      baseline: 'over 0.5 GB',
      ratio: value / first,
    }
  })
}

await main(import.meta.url, bench)
