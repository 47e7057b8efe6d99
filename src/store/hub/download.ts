import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Response } from 'undici'
import { FulcrumError } from '../../errors.ts'
import { commitPartial, sha256OfFile, writeFailure } from '../files.ts'
import type { Hub } from './connection.ts'
import { BrokenBody, HubRefusal, refusal } from './failure.ts'
import { filePath, type HubFile } from './repository.ts'

/** One file of a dataset at a commit. */
export interface Download {
  readonly dataset: string
  readonly commit: string
  readonly file: HubFile
  /** Bytes that are there, those of an earlier, cut-off download included. */
  readonly watch?: (bytes: number) => void
}

/** Fetches one file so that it appears whole or not at all, with the size and hash that the Hub lists. A partial file
 *  beside it is gone on with, after a broken connection as after a kill. Returns the content's sha256. */
export async function download(hub: Hub, from: Download, to: string): Promise<string> {
  const { file } = from
  const partial = `${to}.${(file.sha256 ?? file.gitOid).slice(0, 16)}.partial`
  for (let first = true; ; first = false) {
    const resumed = await transfer(hub, from, partial).catch(async (error: unknown) => {
      if (error instanceof WrongSize) await rm(partial, { force: true })
      throw refusal(error, hub.url, from.dataset, hub.hasToken)
    })
    // Another process that fetches the same may have given it its name.
    const found = await digests(partial, file.bytes).catch(() => digests(to, file.bytes))
    const good = file.sha256 === null ? found.git === file.gitOid : found.sha256 === file.sha256
    if (good) {
      await commitPartial(partial, to).catch(async (error: unknown) => {
        if ((await sha256OfFile(to).catch(() => null)) !== found.sha256) throw error
      })
      return found.sha256
    }
    await rm(partial, { force: true })
    // What an earlier process left may have been spoilt; what came in one piece was wrong at the source.
    if (first && resumed) continue
    throw file.sha256 === null
      ? changed(file, `sha1 ${found.git}`, file.gitOid)
      : changed(file, `sha256 ${found.sha256}`, file.sha256)
  }
}

/** True when bytes of an earlier process were kept. */
async function transfer(hub: Hub, from: Download, partial: string): Promise<boolean> {
  const { dataset, commit, file, watch = () => undefined } = from
  const path = filePath(dataset, commit, file.path)
  const handle = await openPartial(partial)
  try {
    let at = (await handle.stat()).size
    if (at > file.bytes) await handle.truncate((at = 0))
    const resumed = at > 0
    const range = (): Record<string, string> => (at > 0 ? { range: `bytes=${at}-` } : {})
    const receive = async (response: Response): Promise<void> => {
      at = beginning(response, at)
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        if (at + chunk.length > file.bytes) throw new WrongSize(file, `more than ${file.bytes} bytes`)
        await writeAt(handle, chunk, at, partial)
        watch((at += chunk.length))
      }
      if (at === file.bytes) return
      // A body as long as it says that is too short is wrong, not broken.
      if (isWhole(response, at)) throw new WrongSize(file, `${at} bytes`)
      throw new BrokenBody(`the body ended at byte ${at} of ${file.bytes}`)
    }
    if (at < file.bytes || file.bytes === 0) {
      await hub.ask(path, range, receive).catch(async (error: unknown) => {
        if (!(error instanceof HubRefusal && error.status === 416 && at > 0)) throw error
        await handle.truncate((at = 0))
        await hub.ask(path, range, receive)
      })
    }
    await handle.truncate(file.bytes)
    await handle.sync()
    return resumed
  } finally {
    await handle.close()
  }
}

/** First byte of the body: a server may ignore the range and begin anew. */
function beginning(response: Response, asked: number): number {
  if (response.status !== 206) return 0
  const first = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN)
  if (first !== asked) throw new BrokenBody(`asked for bytes from ${asked}, got them from ${first}`)
  return first
}

/** Whether a body that ended at byte `at` is all that the server meant to send. */
function isWhole(response: Response, at: number): boolean {
  const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
  return (total ?? response.headers.get('content-length')) === String(at)
}

class WrongSize extends FulcrumError {
  constructor(file: HubFile, has: string) {
    const { message, hint } = changed(file, has, String(file.bytes))
    super('data', message, hint)
  }
}

const changed = ({ path }: HubFile, has: string, listed: string): FulcrumError =>
  new FulcrumError(
    'data',
    `${path} arrived with ${has}, the Hub lists ${listed}`,
    'Something between changes the bytes: try again, without a proxy or mirror; nothing was kept.',
  )

async function openPartial(path: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true })
    // Made if missing, kept if there; then opened for writing at any position.
    await (await open(path, 'a')).close()
    return await open(path, 'r+')
  } catch (error) {
    throw writeFailure(path, error)
  }
}

async function writeAt(handle: FileHandle, chunk: Uint8Array, at: number, path: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length;) {
      done += (await handle.write(chunk, done, chunk.length - done, at + done)).bytesWritten
    }
  } catch (error) {
    throw writeFailure(path, error)
  }
}

/** What the Hub knows a file's content by: sha256 where it is LFS, else git's object id. */
export async function digests(path: string, bytes: number): Promise<{ sha256: string; git: string }> {
  const sha256 = createHash('sha256')
  // git's object id of a blob: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
  const git = createHash('sha1').update(`blob ${bytes}\0`)
  for await (const chunk of createReadStream(path)) {
    sha256.update(chunk as Buffer)
    git.update(chunk as Buffer)
  }
  return { sha256: sha256.digest('hex'), git: git.digest('hex') }
}
