import type { ColumnType } from './columns.ts'

/** The type that `typeName` writes so; null for a text that is none. */
export function typeNamed(text: string): ColumnType | null {
  const simple = /^(string|int32|int64|double|bool)$/.exec(text)?.[1]
  if (simple !== undefined) return { kind: simple as 'string' }
  const [, outer, inner = ''] = /^(list|struct)<(.*)>$/s.exec(text) ?? []
  if (outer === 'list') {
    const item = typeNamed(inner)
    return item && { kind: 'list', item }
  }
  if (outer === undefined) return null
  const fields = fieldsOf(inner).map(([name, type]) => [name, typeNamed(type)] as const)
  if (fields.some(([, type]) => type === null)) return null
  return { kind: 'struct', fields: Object.fromEntries(fields as [string, ColumnType][]) }
}

/** `name: type` pairs, cut at the commas outside angle brackets. */
function fieldsOf(text: string): [string, string][] {
  const parts: string[] = []
  let [depth, from] = [0, 0]
  for (let i = 0; i < text.length; i++) {
    const letter = text.charAt(i)
    if (letter === '<') depth++
    else if (letter === '>') depth--
    else if (letter === ',' && depth === 0) {
      parts.push(text.slice(from, i))
      from = i + 1
    }
  }
  parts.push(text.slice(from))
  return parts.map((part) => {
    const at = part.indexOf(':')
    return [part.slice(0, at).trim(), part.slice(at + 1).trim()]
  })
}
