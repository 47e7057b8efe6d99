import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { scanSchema } from './audit-summary.ts'

/** What an audit is made of, and from what: manifest.json of its folder. */
export const auditManifestSchema = z.strictObject({
  format: z.literal('fulcrum-audit-manifest/1'),
  versions: z.strictObject({ fulcrum: z.string(), node: z.string() }),
  /** What decided the evidence. */
  options: z.record(z.string(), z.unknown()),
  scan: scanSchema,
  files: z.array(
    z.strictObject({
      file: z.string(),
      bytes: z.int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
})

export type AuditManifest = z.infer<typeof auditManifestSchema>

/** Reads and checks the manifest.json of an audit. */
export async function readAuditManifest(path: string): Promise<AuditManifest> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new FulcrumError(
      'store',
      `There is no readable ${path}`,
      'Give the folder of a finished audit.',
      cause,
    )
  }
  const parsed = auditManifestSchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new FulcrumError(
    'store',
    `${path} is no manifest of an audit: ${z.prettifyError(parsed.error)}`,
    'Give the folder of a finished audit.',
  )
}
