import { FulcrumError } from '../errors.ts'
import { filter, type NoColumns } from '../pipeline/constructors.ts'
import type { Stage } from '../pipeline/stage.ts'
import { col, type Column } from '../record/columns.ts'
import { prose } from '../text/prose.ts'

export interface FilterLanguageOptions<Field extends string> {
  readonly field: Field
  /** ISO 639-1 codes that stay, as en. */
  readonly languages: readonly string[]
  /** Texts with less prose are too short to tell and stay, characters. Ours: 40, about one short sentence. */
  readonly leastProse?: number
}

/** Drops rows whose prose is in another language, told by n-grams (eld 2) once code and LaTeX are taken out. What has too
 *  little prose to tell stays; a guess that the detector itself calls unreliable is dropped under a reason of its own. */
export function filterLanguage<Field extends string>({
  field,
  languages,
  leastProse = 40,
}: FilterLanguageOptions<Field>): Stage<Readonly<Record<Field, Column<string>>>, NoColumns> {
  const strange = languages.filter((code) => !/^[a-z]{2}$/.test(code))
  if (languages.length === 0 || strange.length > 0) {
    throw new FulcrumError(
      'config',
      `filterLanguage cannot keep the languages ${strange.join(', ') || '(none)'}`,
      'Give ISO 639-1 codes of two letters, as en or de.',
    )
  }
  let detector: Promise<Detector> | undefined
  return filter({
    name: `filterLanguage-${field}`,
    needs: { [field]: col.string('text whose language is told') } as Record<Field, Column<string>>,
    options: { field, languages, leastProse, detector: 'eld 2.1.0 medium' },
    reject: async (row) => {
      const text = prose((row as Readonly<Record<string, string>>)[field] ?? '')
      if (text.length < leastProse) return null
      const { detect } = await (detector ??= loadDetector())
      const found = detect(text.slice(0, mostRead))
      if (!found.isReliable()) return 'language not plain'
      return languages.includes(found.language) ? null : `another language: ${found.language}`
    },
  })
}

/** Characters of prose that are looked at: more changes nothing. */
const mostRead = 5_000

interface Detector {
  readonly detect: (text: string) => { readonly language: string; readonly isReliable: () => boolean }
}

/** 2 MB of n-grams, read when the first row comes. */
async function loadDetector(): Promise<Detector> {
  const { eld } = await import('eld/medium')
  return { detect: (text) => eld.detect(text) }
}
