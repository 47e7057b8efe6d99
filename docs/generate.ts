/** Writes the pages that are made from the code, or with --check says which are out of date: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import { commands } from '../src/cli/commands.ts'
import { helpOf } from '../src/cli/help.ts'
import * as auditColumns from '../src/record/audit.ts'
import { dpoPivotal } from '../src/record/dpo-pivotal.ts'
import { dpoBranchText } from '../src/record/dpo-branch-text.ts'
import { pivotalTokens } from '../src/record/pivotal-tokens.ts'
import { prm } from '../src/record/prm.ts'
import { rollouts } from '../src/record/rollouts.ts'
import { searchTraces } from '../src/record/search-trace.ts'
import { sftText } from '../src/record/sft-text.ts'
import { type Columns, typeName } from '../src/record/columns.ts'
import { auditManifestSchema } from '../src/store/audit-manifest.ts'
import { manifestSchema } from '../src/store/manifest.ts'

const auditFiles: Readonly<Record<string, Columns>> = {
  'evidence.parquet': auditColumns.evidenceColumns,
  'items.parquet': auditColumns.itemColumns,
  'records.parquet': auditColumns.keptRecordColumns,
  'verdicts.parquet': auditColumns.verdictColumns,
  'removed.parquet': auditColumns.removedColumns,
  'review.parquet': auditColumns.reviewColumns,
}

const root = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))

const pages: Record<string, string> = {
  'docs/cli.md': await cliPage(),
  'docs/columns.md': columnsPage(),
  'manifests/manifest.schema.json': `${JSON.stringify(z.toJSONSchema(manifestSchema), null, 2)}\n`,
  'manifests/audit-manifest.schema.json': `${JSON.stringify(z.toJSONSchema(auditManifestSchema), null, 2)}\n`,
}
const stale: string[] = []
for (const [path, text] of Object.entries(pages)) {
  const wanted = path.endsWith('.md')
    ? await format(text, { ...(await resolveConfig(root(path))), parser: 'markdown' })
    : text
  const found = read(root(path))
  if (found === wanted) continue
  stale.push(path)
  if (!process.argv.includes('--check')) writeFileSync(root(path), wanted)
}
if (process.argv.includes('--check') && stale.length > 0) {
  console.error(`Out of date: ${stale.join(', ')}. Run \`npm run docs\`.`)
  process.exitCode = 1
}

async function cliPage(): Promise<string> {
  const parts = ['# Command line', '', 'Made from the commands by `npm run docs`.', '']
  for (const load of Object.values(commands)) {
    const command = await load()
    parts.push(`## fulcrum ${command.name}`, '', '```text', helpOf(command).trimEnd(), '```', '')
  }
  return parts.join('\n')
}

function columnsPage(): string {
  const parts = ['# Columns of the dataset configs', '', 'Made from `src/record` by `npm run docs`.', '']
  for (const { config, columns } of [
    sftText,
    searchTraces,
    pivotalTokens,
    dpoPivotal,
    dpoBranchText,
    prm,
    rollouts,
  ] as const)
    parts.push(...columnTable(config, columns))
  parts.push('# Columns of an audit', '')
  for (const [name, columns] of Object.entries(auditFiles)) parts.push(...columnTable(name, columns))
  return parts.join('\n')
}

function columnTable(name: string, columns: Columns): string[] {
  const rows = Object.entries(columns).map(
    ([column, { type, nullable, meaning }]) =>
      `| \`${column}\` | \`${typeName(type)}\`${nullable ? ' or null' : ''} | ${meaning} |`,
  )
  return [`## ${name}`, '', '| column | type | meaning |', '| --- | --- | --- |', ...rows, '']
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
