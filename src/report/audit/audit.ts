import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import { type AuditSummary, auditSummarySchema } from '../../store/audit-summary.ts'
import { writeWhole } from '../../store/files.ts'
import { auditPage } from './page.ts'

/** Writes audit.html beside the audit.json of an audit's folder; `before` is an earlier one that it is compared with. */
export async function writeAuditReport(folder: string, before: AuditSummary | null = null): Promise<string> {
  const audit = await readAudit(folder)
  const path = join(folder, 'audit.html')
  await writeWhole(path, auditPage(audit, before))
  return path
}

/** Reads and checks the audit.json of a folder. */
export async function readAudit(folder: string): Promise<AuditSummary> {
  const path = join(folder, 'audit.json')
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
  const parsed = auditSummarySchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new FulcrumError(
    'store',
    `${path}: ${z.prettifyError(parsed.error)}`,
    'Give the folder of a finished audit.',
  )
}
