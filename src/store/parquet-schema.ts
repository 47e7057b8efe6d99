import type { SchemaElement } from 'hyparquet'
import type { Columns, ColumnType } from '../record/columns.ts'

const physical: Readonly<
  Record<'string' | 'int32' | 'int64' | 'double' | 'bool', Omit<SchemaElement, 'name'>>
> = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  bool: { type: 'BOOLEAN' },
}

/** The Parquet schema of some columns: every field optional (what every reader takes), lists in the standard three levels. */
export function parquetSchema(columns: Columns): SchemaElement[] {
  const fields = Object.entries(columns).flatMap(([name, { type }]) => element(name, type))
  return [{ name: 'schema', num_children: Object.keys(columns).length }, ...fields]
}

function element(name: string, type: ColumnType): SchemaElement[] {
  if (type.kind === 'list') {
    return [
      {
        name,
        repetition_type: 'OPTIONAL',
        num_children: 1,
        converted_type: 'LIST',
        logical_type: { type: 'LIST' },
      },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      ...element('element', type.item),
    ]
  }
  if (type.kind === 'struct') {
    const fields = Object.entries(type.fields)
    return [
      { name, repetition_type: 'OPTIONAL', num_children: fields.length },
      ...fields.flatMap(([field, inner]) => element(field, inner)),
    ]
  }
  return [{ name, repetition_type: 'OPTIONAL', ...physical[type.kind] }]
}

interface TopColumn {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
}

/** Type of a top-level column as our short name, from a file's schema. */
export function schemaTypes(schema: readonly SchemaElement[]): TopColumn[] {
  let at = 1
  const read = (): TopColumn => {
    const field = schema[at++] as SchemaElement
    const nullable = field.repetition_type !== 'REQUIRED'
    const children = Array.from({ length: field.num_children ?? 0 }, read)
    if (children.length === 0) return { name: field.name, nullable, type: leafName(field) }
    if (field.converted_type === 'LIST') {
      // list -> its one field, `element`, which the child of the repeated group describes
      const inner = children[0]?.type ?? ''
      return {
        name: field.name,
        nullable,
        type: `list<${/^struct<element: (.*)>$/.exec(inner)?.[1] ?? inner}>`,
      }
    }
    return {
      name: field.name,
      nullable,
      type: `struct<${children.map(({ name, type }) => `${name}: ${type}`).join(', ')}>`,
    }
  }
  return Array.from({ length: schema[0]?.num_children ?? 0 }, read)
}

function leafName({ type, converted_type: converted }: SchemaElement): string {
  const names: Readonly<Record<string, string>> = {
    INT32: 'int32',
    INT64: 'int64',
    DOUBLE: 'double',
    BOOLEAN: 'bool',
  }
  if (type === 'BYTE_ARRAY') return converted === 'UTF8' ? 'string' : 'bytes'
  return names[type ?? ''] ?? (type ?? 'unknown').toLowerCase()
}
