import { z } from 'zod'
import { parquetInfo, readParquet } from '../store/parquet-reader.ts'
import { command } from './command.ts'
import { brief, formatCount, printable, table } from './table.ts'

/** Shows what a Parquet file holds. */
export default command({
  name: 'inspect',
  summary: 'Show a Parquet file: columns, metadata, first rows',
  positionals: [{ name: 'SHARD', meaning: 'Parquet file' }],
  options: z.object({
    rows: z.int().min(0).default(2).describe('rows shown'),
    json: z.boolean().default(false).describe('print JSON, rows in full'),
  }),
  example: 'fulcrum inspect runs/quickstart/data/dpo_pivotal/train-00000-of-00008.parquet --rows 1',
  run: async ({ options, positionals }, { print, width }) => {
    const [path = ''] = positionals
    const info = await parquetInfo(path)
    const rows: Record<string, unknown>[] = []
    if (options.rows > 0) {
      for await (const row of readParquet(path)) if (rows.push(row) >= options.rows) break
    }
    if (options.json) {
      print(JSON.stringify({ ...info, first: rows }, bigintAsText, 2))
      return 0
    }
    print(`${formatCount(info.rows)} rows, ${info.rowGroups} row groups, ${formatCount(info.bytes)} bytes\n`)
    const meanings = JSON.parse(info.metadata['fulcrum.columns'] ?? '{}') as Record<string, string>
    print(table(info.columns.map(({ name, type }) => [name, type, meanings[name] ?? ''])))
    for (const [key, value] of Object.entries(info.metadata))
      if (key !== 'fulcrum.columns') print(`${printable(key)}: ${brief(value, width)}`)
    rows.forEach((row, i) => {
      print(`\nrow ${i}`)
      for (const [name, value] of Object.entries(row))
        print(`  ${printable(name)}: ${brief(JSON.stringify(value, bigintAsText), width)}`)
    })
    return 0
  },
})

const bigintAsText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value
