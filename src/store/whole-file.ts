import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFolder, writeFailure } from './files.ts'

/** A file that is written piece by piece and appears whole, or not at all. */
export interface WholeFile {
  readonly append: (bytes: Uint8Array) => Promise<void>
  /** Syncs, and gives the file its name. */
  readonly commit: () => Promise<{ readonly bytes: number; readonly sha256: string }>
  /** Removes what was written; after commit() it does nothing. */
  readonly abort: () => Promise<void>
}

/** Opens a file beside its name; `writeWhole` is the short way for bytes at hand. */
export async function openWhole(path: string): Promise<WholeFile> {
  const partial = `${path}.${randomUUID()}.partial`
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      await abort()
      throw writeFailure(path, error)
    }
  }
  let unfinished = true
  const hash = createHash('sha256')
  let bytes = 0
  await mkdir(dirname(path), { recursive: true }).catch((error: unknown) => {
    throw writeFailure(path, error)
  })
  const file = await open(partial, 'wx').catch((error: unknown) => {
    throw writeFailure(path, error)
  })
  const abort = async (): Promise<void> => {
    if (!unfinished) return
    unfinished = false
    await file.close().catch(() => undefined)
    await rm(partial, { force: true })
  }
  return {
    append: (part) =>
      guarded(async () => {
        hash.update(part)
        bytes += part.length
        await file.writeFile(part)
      }),
    commit: () =>
      guarded(async () => {
        await file.sync()
        await file.close()
        await rename(partial, path)
        unfinished = false
        await syncFolder(dirname(path))
        return { bytes, sha256: hash.digest('hex') }
      }),
    abort,
  }
}
