import { DuckDBInstance } from '@duckdb/node-api'
import { FulcrumError } from '../errors.ts'
import { parquetInfo } from './parquet-reader.ts'

/** Writes the rows of a Parquet file that `keep` wants (asked once a row, in order, from 1): by DuckDB, because it has
 *  every type that files of others hold. Key-value metadata stays, but for the Arrow schema, which describes pages. */
export async function keepParquetRows(
  from: string,
  to: string,
  keep: (row: number) => boolean,
): Promise<void> {
  const { rows, metadata, columns } = await parquetInfo(from)
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: '1GB',
    // One thread and the order of the file: equal inputs, equal bytes.
    threads: '1',
  })
  const connection = await instance.connect()
  try {
    await connection.run('CREATE TABLE dropped (row BIGINT)')
    const appender = await connection.createAppender('dropped')
    for (let row = 1; row <= rows; row++) {
      if (keep(row)) continue
      appender.appendBigInt(BigInt(row - 1))
      appender.endRow()
    }
    appender.closeSync()
    const kept = `SELECT * EXCLUDE (file_row_number) FROM read_parquet(${literal(from)}, file_row_number = true)
      WHERE file_row_number NOT IN (SELECT row FROM dropped)`
    await connection.run(
      `COPY (${kept}) TO ${literal(to)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 4096${metadataOf(metadata)})`,
    )
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FulcrumError(
      'store',
      `Cannot copy rows of ${from}: ${reason}`,
      'Check the file and the folder.',
      cause,
    )
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
  const written = await parquetInfo(to)
  const types = (of: typeof columns): string => of.map(({ name, type }) => `${name}: ${type}`).join(', ')
  if (types(written.columns) === types(columns)) return
  throw new FulcrumError(
    'store',
    `${from} has columns that cannot be copied as they are: ${types(columns)} became ${types(written.columns)}`,
    'Give the corpus as JSONL.',
  )
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

function metadataOf(metadata: Readonly<Record<string, string>>): string {
  const kept = Object.entries(metadata).filter(([key]) => key !== 'ARROW:schema')
  if (kept.length === 0) return ''
  return `, KV_METADATA {${kept.map(([key, value]) => `${literal(key)}: ${literal(value)}`).join(', ')}}`
}
