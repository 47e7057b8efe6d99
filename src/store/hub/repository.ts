import { FulcrumError } from '../../errors.ts'
import type { Hub } from './connection.ts'
import { refusal } from './failure.ts'

/** A file of a dataset at one commit. */
export interface HubFile {
  readonly path: string
  readonly bytes: number
  /** sha256 of the content where the Hub stores it as LFS, else null. */
  readonly sha256: string | null
  /** sha1 of git's blob: header and content. Of the pointer, not the content, where sha256 is given. */
  readonly gitOid: string
}

/** The commit that a branch, tag or ref of a dataset is now. */
export async function resolveRevision(hub: Hub, dataset: string, revision: string): Promise<string> {
  if (isCommit(revision)) return revision
  const path = `/api/datasets/${dataset}/revision/${encodeURIComponent(revision)}`
  const { value } = await json(hub, dataset, path)
  const { sha } = value as { sha?: unknown }
  if (typeof sha !== 'string' || !isCommit(sha)) throw strange(hub, path, 'no commit hash')
  return sha
}

/** Every file of a dataset at a commit. */
export async function listFiles(hub: Hub, dataset: string, commit: string): Promise<HubFile[]> {
  const files: HubFile[] = []
  let path: string | null = `/api/datasets/${dataset}/tree/${commit}?recursive=true`
  while (path !== null) {
    const page: { value: unknown; link: string | null } = await json(hub, dataset, path)
    if (!Array.isArray(page.value)) throw strange(hub, path, 'no list of files')
    for (const entry of page.value as Record<string, unknown>[]) {
      if (entry['type'] === 'file') files.push(fileOf(hub, path, entry))
    }
    path = nextPath(hub, page.link)
  }
  return files
}

/** Where a file's bytes are asked for; the Hub redirects to its CDN. */
export const filePath = (dataset: string, commit: string, path: string): string =>
  `/datasets/${dataset}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`

const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision)

async function json(
  hub: Hub,
  dataset: string,
  path: string,
): Promise<{ value: unknown; link: string | null }> {
  try {
    return await hub.ask(
      path,
      () => ({ accept: 'application/json' }),
      async (response) => ({
        value: await response.json(),
        link: response.headers.get('link'),
      }),
    )
  } catch (error) {
    if (error instanceof SyntaxError) throw strange(hub, path, 'no JSON')
    throw refusal(error, hub.url, dataset, hub.hasToken)
  }
}

function fileOf(hub: Hub, asked: string, entry: Record<string, unknown>): HubFile {
  const { path, size, oid } = entry
  const lfs = (entry['lfs'] ?? {}) as Record<string, unknown>
  const bytes = lfs['size'] ?? size
  if (typeof path !== 'string' || typeof bytes !== 'number' || typeof oid !== 'string') {
    throw strange(hub, asked, 'a file without path, size or oid')
  }
  // It becomes a path below the cache.
  if (path.split('/').some((part) => part === '' || /^\.{1,2}$/.test(part)) || /[\\\0]/.test(path)) {
    throw strange(hub, asked, `a file with the path ${JSON.stringify(path)}`)
  }
  return { path, bytes, sha256: typeof lfs['oid'] === 'string' ? lfs['oid'] : null, gitOid: oid }
}

/** The next page of a listing, which must lie on the same host: the token goes with it. */
function nextPath(hub: Hub, link: string | null): string | null {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1]
  if (next === undefined) return null
  const url = new URL(next, hub.url)
  if (url.origin !== new URL(hub.url).origin) throw strange(hub, next, 'a next page on another host')
  return url.href.slice(url.origin.length)
}

const strange = (hub: Hub, path: string, what: string): FulcrumError =>
  new FulcrumError(
    'data',
    `${hub.url}${path} answers with ${what}`,
    'Check --hub: it must speak the API of huggingface.co.',
  )
