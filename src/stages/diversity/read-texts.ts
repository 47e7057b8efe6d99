import { dirname, join } from 'node:path'
import { FulcrumError } from '../../errors.ts'
import { readManifest } from '../../store/manifest.ts'
import { readRecords } from '../../store/records.ts'

/** Fields that texts are looked for in, where none is named. */
const usualFields = 'text problem question instruction prompt completion messages[].content'.split(' ')

export interface ReadTextsOptions {
  /** Paths as text or messages[].content; texts of one record count as one. Without them the first usual field it has. */
  readonly fields: readonly string[]
  /** Config of a built dataset; its only one by default. */
  readonly config?: string | undefined
  /** Called for each record without such a text. */
  readonly onMissing?: () => void
}

/** Texts of files, or of the shards of a built dataset where a manifest.json is given. */
export async function* readTexts(
  files: readonly string[],
  { fields, config, onMissing }: ReadTextsOptions,
): AsyncGenerator<string> {
  let chosen = fields
  for (const given of files) {
    for (const file of await shardsOf(given, config)) {
      for await (const { value } of readRecords(file)) {
        if (value === null) {
          onMissing?.()
          continue
        }
        if (chosen.length === 0) chosen = usualFields.filter((path) => at(value, path).length > 0).slice(0, 1)
        const found = chosen.flatMap((path) => at(value, path))
        if (found.length === 0) onMissing?.()
        else yield found.join('\n')
      }
    }
  }
}

async function shardsOf(given: string, config: string | undefined): Promise<string[]> {
  if (!given.endsWith('manifest.json')) return [given]
  const { configs } = await readManifest(given)
  const names = Object.keys(configs)
  const name = config ?? (names.length === 1 ? names[0] : undefined)
  const found = name === undefined ? undefined : configs[name]
  if (found !== undefined) return found.shards.map(({ file }) => join(dirname(given), file))
  throw new FulcrumError(
    'config',
    name === undefined ? `${given} has several configs` : `${given} has no config ${name}`,
    `Give --config with one of ${names.join(', ')}.`,
  )
}

/** Strings at a path; `[]` stands for every item of a list. */
function at(record: unknown, path: string): string[] {
  let found = [record]
  for (const step of path.split(/(?=\[\])|\./))
    found = found.flatMap((value): unknown[] => {
      if (step === '[]') return Array.isArray(value) ? (value as unknown[]) : []
      const named = typeof value === 'object' && value !== null && Object.hasOwn(value, step)
      return named ? [(value as Record<string, unknown>)[step]] : []
    })
  return found.filter((value) => typeof value === 'string')
}
