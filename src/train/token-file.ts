import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import { sha256OfFile, writeFailure, writeWhole } from '../store/files.ts'
import type { Items, Placed } from './items.ts'

/** Token ids of one item under fixed names, in the order of the names. */
export type TokenLists<Name extends string> = Readonly<Record<Name, readonly number[]>>

/** A row on its way into a token file. */
export interface TokenRow<Name extends string> {
  /** Index into the file's shards. */
  readonly shard: number
  readonly row: number
  /** Null: the row is no item. */
  readonly item: TokenLists<Name> | null
  /** Why not, or what else is to be counted. */
  readonly counted: string | null
}

interface Meta {
  readonly count: number
  readonly counted: Readonly<Record<string, number>>
  readonly shards: readonly string[]
  /** Of items.ids and items.index. */
  readonly sha256: readonly [string, string]
}

export interface TokenFileOptions<Name extends string> {
  /** For messages. */
  readonly name: string
  readonly names: readonly Name[]
  readonly shards: readonly string[]
  /** Decides the rows; names the folder and is the items' id. */
  readonly key: object
}

/** Rows as token ids in a folder of two flat files, so that any item is two small reads: `items.ids` has int32 ids,
 *  `items.index` for each item where they start, shard, row and the length of every list. Made once and kept; memory
 *  does not grow with the rows. */
export async function tokenFile<Name extends string>(
  folder: string,
  { name, names, shards, key }: TokenFileOptions<Name>,
  rows: () => AsyncIterable<TokenRow<Name>>,
): Promise<Items<TokenLists<Name>>> {
  const id = createHash('sha256').update(JSON.stringify(key)).digest('hex')
  const at = join(folder, id.slice(0, 16))
  const meta = (await kept(at)) ?? (await make(at, names, shards, rows))
  return {
    name,
    id,
    count: meta.count,
    counted: meta.counted,
    cacheFolder: at,
    read: async (indices) => {
      const [ids, index] = await Promise.all([open(join(at, 'items.ids')), open(join(at, 'items.index'))])
      try {
        return await Promise.all(indices.map((i) => readItem(ids, index, i, names, meta.shards)))
      } finally {
        await Promise.all([ids.close(), index.close()])
      }
    },
  }
}

const entryBytes = (lists: number): number => 16 + 4 * lists

async function readItem<Name extends string>(
  ids: FileHandle,
  index: FileHandle,
  i: number,
  names: readonly Name[],
  shards: readonly string[],
): Promise<Placed<TokenLists<Name>>> {
  const size = entryBytes(names.length)
  const entry = await bytesAt(index, i * size, size)
  const lengths = names.map((_, list) => entry.readUInt32LE(16 + 4 * list))
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const bytes = await bytesAt(ids, entry.readDoubleLE(0), 4 * total)
  let from = 0
  const lists = names.map((name, list) => {
    const length = lengths[list] as number
    const one = Array.from({ length }, (_, k) => bytes.readInt32LE(4 * (from + k)))
    from += length
    return [name, one] as const
  })
  const place = `${shards[entry.readUInt32LE(8)] ?? ''} row ${entry.readUInt32LE(12)}`
  return { item: Object.fromEntries(lists) as unknown as TokenLists<Name>, place }
}

async function bytesAt(file: FileHandle, from: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size)
  const { bytesRead } = await file.read(bytes, 0, size, from)
  if (bytesRead === size) return bytes
  throw new FulcrumError('data', 'A token file became shorter while it was read', 'Run the command again.')
}

/** A folder made before, if it is whole. */
async function kept(at: string): Promise<Meta | null> {
  const text = await readFile(join(at, 'items.json'), 'utf8').catch(() => null)
  if (text === null) return null
  const meta = JSON.parse(text) as Meta
  const files = ['items.ids', 'items.index'].map((file) => sha256OfFile(join(at, file)).catch(() => ''))
  const found = await Promise.all(files)
  if (found.join() === meta.sha256.join()) return meta
  await rm(at, { recursive: true, force: true })
  return null
}

async function make<Name extends string>(
  at: string,
  names: readonly Name[],
  shards: readonly string[],
  rows: () => AsyncIterable<TokenRow<Name>>,
): Promise<Meta> {
  const partial = `${at}.${randomUUID()}.partial`
  try {
    await mkdir(partial, { recursive: true })
    const counts = await write(partial, names, rows())
    const sha256 = [
      await sha256OfFile(join(partial, 'items.ids')),
      await sha256OfFile(join(partial, 'items.index')),
    ]
    const meta = { ...counts, shards, sha256: sha256 as [string, string] }
    await writeWhole(join(partial, 'items.json'), `${JSON.stringify(meta, null, 1)}\n`)
    await rename(partial, at).catch((error: unknown) => {
      // Another process was faster with the same rows.
      if (!existsSync(join(at, 'items.json'))) throw error
    })
    return meta
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === undefined ? error : writeFailure(at, error)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

async function write<Name extends string>(
  folder: string,
  names: readonly Name[],
  rows: AsyncIterable<TokenRow<Name>>,
): Promise<Pick<Meta, 'count' | 'counted'>> {
  const ids = await open(join(folder, 'items.ids'), 'wx')
  const index = await open(join(folder, 'items.index'), 'wx')
  const counted: Record<string, number> = {}
  let [count, offset] = [0, 0]
  let waiting: { ids: Buffer[]; index: Buffer[] } = { ids: [], index: [] }
  const flush = async (): Promise<void> => {
    await ids.write(Buffer.concat(waiting.ids))
    await index.write(Buffer.concat(waiting.index))
    waiting = { ids: [], index: [] }
  }
  try {
    for await (const { shard, row, item, counted: reason } of rows) {
      if (reason !== null) counted[reason] = (counted[reason] ?? 0) + 1
      if (item === null) continue
      const entry = Buffer.alloc(entryBytes(names.length))
      entry.writeDoubleLE(offset)
      entry.writeUInt32LE(shard, 8)
      entry.writeUInt32LE(row, 12)
      names.forEach((name, list) => entry.writeUInt32LE(item[name].length, 16 + 4 * list))
      const flat = names.flatMap((name) => item[name])
      const bytes = Buffer.alloc(4 * flat.length)
      flat.forEach((id, k) => bytes.writeInt32LE(id, 4 * k))
      waiting.ids.push(bytes)
      waiting.index.push(entry)
      offset += bytes.length
      if (++count % 4096 === 0) await flush()
    }
    await flush()
    return { count, counted }
  } finally {
    await Promise.all([ids.close(), index.close()])
  }
}
