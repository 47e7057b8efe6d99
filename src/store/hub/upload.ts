import { openAsBlob } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import pLimit from 'p-limit'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import type { PublishedFile } from '../published.ts'
import type { Hub } from './connection.ts'

/** Files a request may name: what huggingface_hub sends at once. */
const batchFiles = 256
const atOnce = 4

const preuploadReply = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      uploadMode: z.enum(['lfs', 'regular']),
      shouldIgnore: z.boolean().optional(),
    }),
  ),
})
const action = z.object({ href: z.string(), header: z.record(z.string(), z.unknown()).nullish() })
const batchReply = z.object({
  objects: z.array(
    z.object({
      oid: z.string(),
      actions: z.object({ upload: action.optional(), verify: action.optional() }).nullish(),
      error: z.object({ code: z.number(), message: z.string() }).optional(),
    }),
  ),
})
type Actions = NonNullable<z.output<typeof batchReply>['objects'][number]['actions']>

/** Which of the files the Hub wants as LFS objects; the others go into the commit itself. */
export async function lfsAmong(
  hub: Hub,
  dataset: string,
  files: readonly PublishedFile[],
): Promise<ReadonlySet<string>> {
  const lfs = new Set<string>()
  for (const batch of batches(files)) {
    const asked = await Promise.all(
      batch.map(async (file) => ({ path: file.path, size: file.bytes, sample: await sampleOf(file) })),
    )
    const to = `/api/datasets/${dataset}/preupload/main`
    const { files: told } = await post(hub, to, { files: asked }, preuploadReply)
    for (const { path, uploadMode, shouldIgnore } of told) {
      if (shouldIgnore === true) throw ignored(path)
      // A store takes no empty object.
      if (uploadMode === 'lfs' && batch.some((file) => file.path === path && file.bytes > 0)) lfs.add(path)
    }
  }
  return lfs
}

/** Brings the content of files into the Hub's store; what is there already is not sent again. */
export async function uploadObjects(
  hub: Hub,
  dataset: string,
  files: readonly PublishedFile[],
  watch: (file: PublishedFile, sent: boolean) => void,
): Promise<void> {
  const limit = pLimit(atOnce)
  for (const batch of batches(files)) {
    const { objects } = await post(hub, `/datasets/${dataset}.git/info/lfs/objects/batch`, {
      operation: 'upload',
      transfers: ['basic', 'multipart'],
      objects: batch.map(({ sha256, bytes }) => ({ oid: sha256, size: bytes })),
      hash_algo: 'sha256',
      ref: { name: 'main' },
    }, batchReply, lfsType) // prettier-ignore
    const byOid = new Map(objects.map((object) => [object.oid, object]))
    await Promise.all(
      batch.map((file) =>
        limit(async () => {
          const { actions, error } = byOid.get(file.sha256) ?? {}
          if (error !== undefined) throw refused(file, error.message)
          if (actions?.upload !== undefined) await uploadObject(hub, file, actions)
          watch(file, actions?.upload !== undefined)
        }),
      ),
    )
  }
}

const lfsType = 'application/vnd.git-lfs+json'

async function uploadObject(hub: Hub, file: PublishedFile, { upload, verify }: Actions): Promise<void> {
  if (upload === undefined) return
  const content = await openAsBlob(file.from)
  const chunkBytes = Number(upload.header?.['chunk_size'] ?? Number.NaN)
  if (Number.isNaN(chunkBytes)) await put(hub, upload.href, content)
  else {
    // https://github.com/huggingface/huggingface_hub lfs.py: parts are named by their numbers in the header.
    const parts: { partNumber: number; etag: string }[] = []
    for (const [name, href] of Object.entries(upload.header ?? {}).filter(([key]) => /^\d+$/.test(key))) {
      const partNumber = Number(name)
      const from = (partNumber - 1) * chunkBytes
      parts.push({ partNumber, etag: await put(hub, String(href), content.slice(from, from + chunkBytes)) })
    }
    parts.sort((a, b) => a.partNumber - b.partNumber)
    if (parts.length !== Math.ceil(file.bytes / chunkBytes))
      throw refused(file, 'the parts it offers do not cover it')
    await post(hub, upload.href, { oid: file.sha256, parts }, z.unknown(), lfsType)
  }
  if (verify === undefined) return
  await post(hub, verify.href, { oid: file.sha256, size: file.bytes }, z.unknown())
}

const put = (hub: Hub, to: string, body: Blob): Promise<string> =>
  hub.send({ method: 'PUT', to, body }, async (response) => {
    await response.arrayBuffer()
    return response.headers.get('etag') ?? ''
  })

/** One commit with all changes, which must find the repository as it was looked at. */
export async function commitFiles(
  hub: Hub,
  dataset: string,
  changes: {
    readonly add: readonly PublishedFile[]
    readonly lfs: ReadonlySet<string>
    readonly remove: readonly string[]
    readonly parent: string
    readonly summary: string
  },
): Promise<string> {
  const { add, lfs, remove, parent, summary } = changes
  const lines: object[] = [{ key: 'header', value: { summary, description: '', parentCommit: parent } }]
  for (const file of add) {
    lines.push(
      lfs.has(file.path)
        ? { key: 'lfsFile', value: { path: file.path, algo: 'sha256', oid: file.sha256, size: file.bytes } }
        : { key: 'file', value: { path: file.path, encoding: 'base64', content: await base64(file.from) } },
    )
  }
  for (const path of remove) lines.push({ key: 'deletedFile', value: { path } })
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  const headers = { 'content-type': 'application/x-ndjson' }
  const to = `/api/datasets/${dataset}/commit/main`
  return hub.send({ method: 'POST', to, headers, body, once: true }, async (response) => {
    const { commitOid } = checked(to, z.object({ commitOid: z.string() }), await response.json())
    return commitOid
  })
}

/** Makes the dataset's repository, with one commit in it. */
export async function createDataset(hub: Hub, dataset: string, isPrivate: boolean): Promise<void> {
  const [organization = '', name = ''] = dataset.split('/')
  const body = { type: 'dataset', name, organization, private: isPrivate }
  await post(hub, '/api/repos/create', body, z.unknown())
}

async function post<T>(
  hub: Hub,
  to: string,
  value: object,
  reply: z.ZodType<T>,
  type = 'application/json',
): Promise<T> {
  const headers = { accept: type, 'content-type': type }
  return hub.send({ method: 'POST', to, headers, body: JSON.stringify(value) }, async (response) => {
    const text = await response.text()
    return checked(to, reply, text === '' ? null : parsed(text))
  })
}

/** Not every route answers with JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function checked<T>(to: string, reply: z.ZodType<T>, value: unknown): T {
  const { success, data } = reply.safeParse(value)
  if (success) return data
  throw new FulcrumError(
    'data',
    `${to.split('?')[0] ?? ''} answers with something else than the Hub does`,
    'Check --hub: it must speak the API of huggingface.co.',
  )
}

function* batches(files: readonly PublishedFile[]): Generator<readonly PublishedFile[]> {
  for (let at = 0; at < files.length; at += batchFiles) yield files.slice(at, at + batchFiles)
}

/** The first 512 bytes, by which the Hub tells text from the rest. */
async function sampleOf({ from }: PublishedFile): Promise<string> {
  const handle = await open(from)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0)
    return buffer.subarray(0, bytesRead).toString('base64')
  } finally {
    await handle.close()
  }
}

const base64 = async (path: string): Promise<string> => (await readFile(path)).toString('base64')

const refused = ({ path }: PublishedFile, why: string): FulcrumError =>
  new FulcrumError(
    'data',
    `The Hub does not take ${path}: ${why}`,
    'Run the same command again, or ask its support.',
  )

const ignored = (path: string): FulcrumError =>
  new FulcrumError(
    'data',
    `The repository's .gitignore leaves out ${path}`,
    'Take it out of .gitignore there, or push to another repository.',
  )
