import { readParquet } from '../../../store/parquet-reader.ts'

/** Rows of Parquet files as JSON, in the order they are asked for: a scan gives only the texts it found. */
export interface ParquetRecords {
  at(path: string, row: number): Promise<string>
  close(): Promise<void>
}

export function parquetRecords(): ParquetRecords {
  let open: { path: string; rows: AsyncGenerator<Record<string, unknown>>; next: number } | null = null
  const close = async (): Promise<void> => {
    await open?.rows.return(undefined)
    open = null
  }
  return {
    at: async (path, row) => {
      if (open?.path !== path || open.next > row) {
        await close()
        open = { path, rows: readParquet(path), next: 1 }
      }
      for (;;) {
        const { value } = (await open.rows.next()) as { value: Record<string, unknown> }
        if (open.next++ === row) return JSON.stringify(value, bigintAsText)
      }
    },
    close,
  }
}

const bigintAsText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value
