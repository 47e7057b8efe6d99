import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FulcrumError } from '../../errors.ts'
import { syncFolder, writeFailure } from '../files.ts'
import { bodyStart, type Damage, encodeFrame, type Frame, framesOf, isWhole } from './frame.ts'

/** A durable record: what its head says, and where it lies. */
export interface Entry {
  readonly head: Frame['head']
  readonly file: string
  readonly offset: number
  readonly bytes: number
  readonly bodyAt: number
}

export interface Journal {
  /** Records of all writers that were there when the journal was opened, in one order for every reader. */
  readonly entries: readonly Entry[]
  /** What could not be read; none of it is trusted. */
  readonly damage: readonly (Damage & { readonly file: string })[]
  /** Resolves when the record is on disk. Records that come while the disk is busy are written together. */
  append(head: object, body?: Buffer): Promise<Entry>
  /** The body of a record, checked again; null if it has been corrupted since. */
  read(entry: Entry): Promise<Buffer | null>
  close(): Promise<void>
}

/** An append-only journal in a folder that several processes may share: every writer has a file of its own and adds to no
 *  other, so there are no locks. What a killed writer left half written is never read and never written behind.
 *  Nothing is created before the first record. `tag` is part of the file's name: writers with a share of their own find
 *  again what is theirs. */
export async function openJournal(folder: string, tag = 'all'): Promise<Journal> {
  const names = await journalNames(folder)
  const entries: Entry[] = []
  const damage: (Damage & { file: string })[] = []
  const handles = new Map<string, Promise<FileHandle>>()
  const reading = (file: string): Promise<FileHandle> => {
    const known = handles.get(file) ?? open(join(folder, file), 'r')
    handles.set(file, known)
    return known
  }
  for (const file of names) {
    for await (const found of framesOf(await reading(file))) {
      if ('kind' in found) damage.push({ ...found, file })
      else entries.push({ ...found, file })
    }
    await (await reading(file)).close()
    handles.delete(file)
  }
  const writer = writerIn(folder, fileAfter(names.at(-1), tag))
  return {
    entries,
    damage,
    append: writer.append,
    read: async ({ file, offset, bytes, bodyAt }) => {
      const frame = Buffer.allocUnsafe(bytes)
      const { bytesRead } = await (await reading(file)).read(frame, 0, bytes, offset)
      return bytesRead === bytes && isWhole(frame) ? frame.subarray(bodyAt - offset) : null
    },
    close: async () => {
      await writer.close()
      for (const handle of handles.values()) await (await handle).close()
      handles.clear()
    },
  }
}

async function journalNames(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^\d{6}-[\w-]+\.journal$/.test(name)).sort()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    // Nothing there yet; where a file is in the way, whoever writes first says so.
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new FulcrumError(
      'store',
      `${folder} cannot be read: ${String(error)}`,
      'Give a folder, or make it readable.',
      error,
    )
  }
}

/** Of a journal file's name. */
export const tagOf = (file: string): string => file.split('-')[1] ?? ''

/** The next number, the tag, and a part that no other process has. */
function fileAfter(last: string | undefined, tag: string): string {
  const number = Number(last?.slice(0, 6) ?? -1) + 1
  return `${String(number).padStart(6, '0')}-${tag}-${randomUUID().slice(0, 8)}.journal`
}

interface Waiting {
  readonly head: object
  readonly frame: Buffer
  readonly resolve: (entry: Entry) => void
  readonly reject: (error: unknown) => void
}

/** Appends to one file: all that waits goes out in one write and one sync. After a failed write the end of the file is
 *  not known, so nothing more is written. */
function writerIn(folder: string, name: string): Pick<Journal, 'append' | 'close'> {
  const path = join(folder, name)
  let handle: FileHandle | null = null
  let size = 0
  let failure: FulcrumError | null = null
  let waiting: Waiting[] = []
  let flushing: Promise<void> | null = null

  const flush = async (): Promise<void> => {
    // What is appended in the same turn goes out together.
    await Promise.resolve()
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        if (failure !== null) throw failure
        handle ??= await create(folder, path)
        const bytes = Buffer.concat(batch.map(({ frame }) => frame))
        for (let done = 0; done < bytes.length;)
          done += (await handle.write(bytes, done, bytes.length - done, size + done)).bytesWritten
        await handle.datasync()
      } catch (error) {
        failure = writeFailure(path, error)
        for (const { reject } of batch) reject(failure)
        continue
      }
      for (const { head, frame, resolve } of batch) {
        const [offset, bytes] = [size, frame.length]
        size += bytes
        resolve({ head: head as Frame['head'], file: name, offset, bytes, bodyAt: offset + bodyStart(frame) })
      }
    }
    flushing = null
  }
  return {
    append: (head, body = Buffer.alloc(0)) =>
      new Promise((resolve, reject) => {
        waiting.push({ head, frame: encodeFrame(head, body), resolve, reject })
        flushing ??= flush()
      }),
    close: async () => {
      await flushing
      await handle?.close()
      handle = null
      failure ??= new FulcrumError('store', `${path} is closed`, 'Open the journal again.')
    },
  }
}

async function create(folder: string, path: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true })
  const handle = await open(path, 'wx')
  await syncFolder(folder)
  return handle
}
