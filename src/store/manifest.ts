import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'

const count = z.int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** Relative to the manifest's folder, POSIX, never outside it. */
const file = z.string().regex(/^(?!.*(^|\/)\.\.(\/|$))[^/\\][^\\]*$/)

const shard = z.strictObject({ file, rows: count, bytes: count, sha256 })

/** What a built dataset is made of, and from what: manifests/manifest.schema.json is written from this. */
export const manifestSchema = z.strictObject({
  format: z.literal('fulcrum-manifest/1'),
  name: z.string(),
  description: z.string().optional(),
  /** As the Hub names it: mit, apache-2.0, cc-by-4.0. */
  licence: z.string().optional(),
  pipeline: z.strictObject({
    name: z.string(),
    options: z.record(z.string(), z.unknown()),
    config_sha256: sha256,
    stages: z.array(
      z.strictObject({
        name: z.string(),
        options: z.record(z.string(), z.unknown()),
        rows_in: count,
        rows_out: count,
      }),
    ),
  }),
  seed: z.int(),
  versions: z.strictObject({ fulcrum: z.string(), node: z.string() }),
  models: z.array(
    z.strictObject({
      id: z.string(),
      /** Token ids both ways and scores of given tokens, or text. */
      grade: z.enum(['exact', 'text']).optional(),
    }),
  ),
  inputs: z.array(z.strictObject({ file: z.string(), sha256, rows: count, malformed: count })),
  configs: z.record(
    z.string(),
    z.strictObject({
      rows: count,
      columns: z.record(
        z.string(),
        z.strictObject({ type: z.string(), nullable: z.boolean(), meaning: z.string() }),
      ),
      shards: z.array(shard),
    }),
  ),
  removed: z.strictObject({
    rows: count,
    by_reason: z.array(z.strictObject({ stage: z.string(), reason: z.string(), rows: count })),
    shards: z.array(shard),
  }),
  counters: z.record(z.string(), z.number()),
})

export type Manifest = z.infer<typeof manifestSchema>
export type ShardEntry = z.infer<typeof shard>

/** Reads and checks a manifest.json. */
export async function readManifest(path: string): Promise<Manifest> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'There is no file' : 'Not readable JSON:'
    throw new FulcrumError('store', `${why} ${path}`, 'Give the manifest.json of a finished run.', cause)
  }
  const parsed = manifestSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const mistakes = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).slice(0, 5)
  throw new FulcrumError(
    'store',
    `${path} is no manifest: ${mistakes.join('; ')}`,
    'Give the manifest.json of a finished run.',
  )
}
