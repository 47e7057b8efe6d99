import { FulcrumError } from '../../errors.ts'
import type { PublishedFile } from '../published.ts'
import type { Hub } from './connection.ts'
import { HubRefusal, pushRefusal, temporary } from './failure.ts'
import { type HubFile, listFiles, resolveRevision } from './repository.ts'
import { commitFiles, createDataset, lfsAmong, uploadObjects } from './upload.ts'

export interface PushOptions {
  readonly isPrivate: boolean
  /** First line of the commit. */
  readonly summary: string
  readonly onFile?: (file: PublishedFile, sent: boolean) => void
}

export interface Pushed {
  readonly created: boolean
  /** Null where nothing had changed. */
  readonly commit: string | null
  readonly changed: readonly string[]
  /** As there already. */
  readonly same: number
  /** Shards of an earlier build that readers would load beside these. */
  readonly removed: readonly string[]
}

/** Makes a dataset's repository hold these files, in one commit. What is there with the same content is left alone, so that a
 *  push that was cut off goes on with what is missing. */
export async function pushFiles(
  hub: Hub,
  dataset: string,
  files: readonly PublishedFile[],
  options: PushOptions,
): Promise<Pushed> {
  if (!hub.hasToken) {
    throw new FulcrumError(
      'config',
      'There is no token to write to the Hub with',
      `Make one with write access at ${hub.url}/settings/tokens and set HF_TOKEN.`,
    )
  }
  try {
    return await push(hub, dataset, files, options)
  } catch (error) {
    throw pushRefusal(error, hub.url, dataset)
  }
}

async function push(
  hub: Hub,
  dataset: string,
  files: readonly PublishedFile[],
  { isPrivate, summary, onFile = () => undefined }: PushOptions,
): Promise<Pushed> {
  const { created, parent } = await openRepository(hub, dataset, isPrivate)
  const { changed, stale } = differences(files, await listFiles(hub, dataset, parent))
  const result = {
    created,
    changed: changed.map(({ path }) => path),
    same: files.length - changed.length,
    removed: stale,
  }
  if (changed.length === 0 && stale.length === 0) return { ...result, commit: null }
  const lfs = await lfsAmong(hub, dataset, changed)
  const large = changed.filter(({ path }) => lfs.has(path))
  await uploadObjects(hub, dataset, large, onFile)
  const changes = { add: changed, lfs, remove: stale, parent, summary }
  const commit = await commitFiles(hub, dataset, changes).catch(async (error: unknown) => {
    if (temporary(error) === null) throw error
    // The answer was lost, or the server was busy: what the repository holds now says whether it was done.
    const head = await resolveRevision(hub, dataset, 'main')
    if (head === parent) return commitFiles(hub, dataset, changes)
    const left = differences(files, await listFiles(hub, dataset, head))
    if (left.changed.length > 0 || left.stale.length > 0) throw error
    return head
  })
  return { ...result, commit }
}

/** The repository, made if it is not there, and its newest commit. */
async function openRepository(
  hub: Hub,
  dataset: string,
  isPrivate: boolean,
): Promise<{ created: boolean; parent: string }> {
  try {
    await createDataset(hub, dataset, isPrivate)
  } catch (error) {
    // 409 says that it is there; a token for one repository may not make any, and then gets 403.
    if (!(error instanceof HubRefusal) || ![403, 409].includes(error.status)) throw error
    const parent = await resolveRevision(hub, dataset, 'main').catch((missing: unknown) => {
      throw error.status === 403 ? error : missing
    })
    return { created: false, parent }
  }
  return { created: true, parent: await resolveRevision(hub, dataset, 'main') }
}

/** Names of shards and sidecars as runs write them; nothing else is ever deleted. */
const ours = /^(data\/[A-Za-z0-9_-]+\/train|removed\/removed)-\d{5,}-of-\d{5,}\.parquet$/

function differences(
  files: readonly PublishedFile[],
  there: readonly HubFile[],
): { changed: PublishedFile[]; stale: string[] } {
  const known = new Map(there.map((file) => [file.path, file]))
  const wanted = new Set(files.map(({ path }) => path))
  return {
    changed: files.filter(({ path, sha256, gitOid }) => {
      const found = known.get(path)
      return (
        found === undefined || (found.sha256 === null ? found.gitOid !== gitOid : found.sha256 !== sha256)
      )
    }),
    stale: there.flatMap(({ path }) => (ours.test(path) && !wanted.has(path) ? [path] : [])),
  }
}
