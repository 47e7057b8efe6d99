import { createReadStream, createWriteStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { writeFailure } from './files.ts'
import { keepParquetRows } from './parquet-copy.ts'

/** Copies a corpus file without some rows. Of text files every other byte stays as it is: line ends, blank and malformed
 *  lines too; a .gz file is packed anew. Of Parquet files the other rows stay, in row groups of their own.
 *  `keep` is asked once a row, in order, from 1 (lines of a text file, blank ones among them). */
export async function copyRows(from: string, to: string, keep: (row: number) => boolean): Promise<void> {
  if (from.endsWith('.parquet')) return keepParquetRows(from, to, keep)
  const packed = from.endsWith('.gz')
  const filter = (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> => keptLines(chunks, keep)
  try {
    const [source, sink] = [createReadStream(from, { highWaterMark: 2 ** 20 }), createWriteStream(to)]
    if (packed) await pipeline(source, createGunzip(), filter, createGzip(), sink)
    else await pipeline(source, filter, sink)
    const file = await open(to, 'r+')
    await file.sync()
    await file.close()
  } catch (error) {
    await rm(to, { force: true })
    throw writeFailure(to, error)
  }
}

/** The bytes of the kept lines: as few and as long pieces as the chunks allow. */
async function* keptLines(
  chunks: AsyncIterable<Buffer>,
  keep: (row: number) => boolean,
): AsyncGenerator<Buffer> {
  let row = 1
  let keeping: boolean | null = null
  for await (const chunk of chunks) {
    let [start, at] = [0, 0]
    while (at < chunk.length) {
      const stays: boolean = keeping ?? keep(row)
      const feed = chunk.indexOf(10, at)
      const end = feed < 0 ? chunk.length : feed + 1
      if (!stays) {
        if (at > start) yield chunk.subarray(start, at)
        start = end
      }
      at = end
      keeping = feed < 0 ? stays : null
      if (feed >= 0) row++
    }
    if (start < chunk.length) yield chunk.subarray(start)
  }
}
