import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fieldText, recordFields } from '../../../corpus/fields.ts'
import { parseSelection } from '../../../corpus/selection.ts'
import { createTextScanner, type TextIndex, type TextMatches } from '../../../text/scan.ts'
import type { Scan } from '../../../store/audit-summary.ts'

export interface ScannedField {
  readonly path: string
  readonly text: Uint8Array
  readonly matches: TextMatches
  readonly spanInRecord: (start: number, end: number) => readonly [number, number]
}
export interface ScannedRecord {
  readonly file: string
  readonly row: number
  readonly recordStart: number
  readonly record: Uint8Array
  readonly fields: readonly ScannedField[]
}
export interface PassResult {
  readonly corpus: Scan['corpus']
  readonly documentFrequency: Uint32Array
}
export interface PassInput {
  readonly files: readonly string[]
  readonly fields: readonly string[]
  readonly index: TextIndex
  readonly workers: number
  readonly signal: AbortSignal
  readonly watch: (bytes: number, of: number) => void
}

export async function passOver(
  input: PassInput,
  each: (record: ScannedRecord) => Promise<void>,
): Promise<PassResult> {
  const scanner = await createTextScanner(input.index)
  const selection = parseSelection(input.fields.length === 0 ? 'all' : input.fields)
  const files: Scan['corpus']['files'] = []
  const seen = new Map<string, number>()
  let withoutText = 0
  for (const path of input.files) {
    const raw = readFileSync(path)
    const all = path.endsWith('.gz') ? gunzipSync(raw) : raw
    let [at, row, rows, bad] = [0, 0, 0, 0]
    while (at < all.length) {
      const feed = all.indexOf(10, at)
      const end = feed < 0 ? all.length : feed
      const record = all.subarray(at, end)
      row++
      try {
        JSON.parse(record.toString())
        rows++
        const fields = recordFields(record, selection)
        if (fields.length === 0) withoutText++
        const found: ScannedField[] = []
        for (const field of fields) {
          const path2 = field.path.replace(/\[\d+\]/g, '[]')
          seen.set(path2, (seen.get(path2) ?? 0) + 1)
          const text = fieldText(record, field)
          const matches = scanner.scan(text)
          if (matches !== null)
            found.push({
              path: field.path,
              text,
              matches,
              spanInRecord: (s, e) => [field.byteStart + s, field.byteStart + e],
            })
        }
        scanner.endDocument()
        if (found.length > 0) await each({ file: path, row, recordStart: at, record, fields: found })
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        bad++
      }
      at = end + 1
    }
    files.push({
      file: path,
      rows,
      bytes: all.length,
      sha256: null,
      skipped: bad > 0 ? [{ reason: 'not JSON', rows: bad }] : [],
    })
  }
  return {
    corpus: {
      files,
      rows: files.reduce((sum, f) => sum + f.rows, 0),
      bytes: files.reduce((sum, f) => sum + f.bytes, 0),
      words: scanner.scannedWords,
      rows_without_text: withoutText,
      fields: [...seen].map(([path, texts]) => ({ path, texts })),
    },
    documentFrequency: scanner.documentFrequency,
  }
}
