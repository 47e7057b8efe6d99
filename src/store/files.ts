import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { link, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FulcrumError } from '../errors.ts'

/** Writes a file so that it appears whole or not at all: partial beside it, fsync, rename, fsync of the folder. */
export async function writeWhole(
  path: string,
  bytes: Uint8Array | string | Iterable<Uint8Array>,
): Promise<void> {
  const partial = await writePartial(path, bytes)
  try {
    await rename(partial, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(partial, { force: true })
    throw writeFailure(path, error)
  }
}

/** Creates a file if nobody has: true when it is ours, false when it was there already. Atomic by link(). */
export async function createOnce(path: string, bytes: Uint8Array | string): Promise<boolean> {
  const partial = await writePartial(path, bytes)
  try {
    await link(partial, path)
    await syncFolder(dirname(path))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw writeFailure(path, error)
  } finally {
    await rm(partial, { force: true })
  }
}

/** Gives a finished partial file its name, durably. */
export async function commitPartial(partial: string, path: string): Promise<void> {
  try {
    await rename(partial, path)
    await syncFolder(dirname(path))
  } catch (error) {
    throw writeFailure(path, error)
  }
}

async function writePartial(
  path: string,
  bytes: Uint8Array | string | Iterable<Uint8Array>,
): Promise<string> {
  const partial = `${path}.${randomUUID()}.partial`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(partial, 'wx')
    try {
      await writeFile(file, bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    return partial
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined)
    throw writeFailure(path, error)
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** What a failed write means to the user: a full disk and a forbidden folder say so. */
export function writeFailure(path: string, error: unknown): FulcrumError {
  if (error instanceof FulcrumError) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const hints: Readonly<Record<string, string>> = {
    ENOSPC: 'The disk is full: free some space and run the same command again; it goes on where it stopped.',
    EDQUOT: 'The disk quota is used up: free some space and run the same command again.',
    EFBIG: 'A file size limit was hit (ulimit -f): raise it and run the same command again.',
    EACCES: 'The folder is not writable: choose another --out.',
    EROFS: 'The file system is read-only: choose another --out.',
    EISDIR: 'There is a folder of that name: choose another --out.',
    ENOTDIR: 'A part of the path is a file: choose another --out.',
  }
  const hint = hints[code] ?? 'Check the folder and run the same command again.'
  return new FulcrumError('store', `Cannot write ${path}: ${code || String(error)}`, hint, error)
}

/** sha256 of a file's bytes, hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
