import { FulcrumError } from '../errors.ts'

/** How a column is stored. Everything else about it follows from this one value. */
export type ColumnType =
  | { readonly kind: 'string' | 'int32' | 'int64' | 'double' | 'bool' }
  | { readonly kind: 'list'; readonly item: ColumnType }
  | { readonly kind: 'struct'; readonly fields: Readonly<Record<string, ColumnType>> }

/** One declared column: the TypeScript type, the start-up check, the Parquet schema, the dataset card
 *  and the docs all come from it. */
export interface Column<T = unknown> {
  readonly type: ColumnType
  readonly meaning: string
  readonly nullable: boolean
  /** Carries T for the compiler; never present at run time. */
  readonly value?: T
}

export type Columns = Readonly<Record<string, Column>>

/** The row type a set of columns describes. */
export type Row<C extends Columns> = {
  readonly [K in keyof C]: C[K] extends Column<infer T> ? T : never
}

const column = <T>(type: ColumnType, meaning: string): Column<T> => ({ type, meaning, nullable: false })

/** Constructors of columns; each takes the meaning (with its unit) that users will read. */
export const col = {
  string: (meaning: string) => column<string>({ kind: 'string' }, meaning),
  int32: (meaning: string) => column<number>({ kind: 'int32' }, meaning),
  int64: (meaning: string) => column<bigint>({ kind: 'int64' }, meaning),
  double: (meaning: string) => column<number>({ kind: 'double' }, meaning),
  bool: (meaning: string) => column<boolean>({ kind: 'bool' }, meaning),
  list: <T>(item: Column<T>, meaning: string) =>
    column<readonly T[]>({ kind: 'list', item: item.type }, meaning),
  struct: <C extends Columns>(fields: C, meaning: string) =>
    column<Row<C>>(
      { kind: 'struct', fields: Object.fromEntries(Object.entries(fields).map(([k, f]) => [k, f.type])) },
      meaning,
    ),
  /** The same column where null is allowed. */
  nullable: <T>(of: Column<T>): Column<T | null> => ({ type: of.type, meaning: of.meaning, nullable: true }),
}

/** Short name of a type for messages and docs, as `list<struct<role: string>>`. */
export function typeName(type: ColumnType): string {
  if (type.kind === 'list') return `list<${typeName(type.item)}>`
  if (type.kind !== 'struct') return type.kind
  const fields = Object.entries(type.fields).map(([name, field]) => `${name}: ${typeName(field)}`)
  return `struct<${fields.join(', ')}>`
}

/** The type that {@link typeName} wrote. */
export function typeFromName(name: string): ColumnType {
  const list = /^list<(.*)>$/.exec(name)
  if (list !== null) return { kind: 'list', item: typeFromName(list[1] as string) }
  const struct = /^struct<(.*)>$/.exec(name)
  if (struct !== null) {
    const fields = splitFields(struct[1] as string).map((field) => {
      const at = field.indexOf(': ')
      return [field.slice(0, at), typeFromName(field.slice(at + 2))] as const
    })
    return { kind: 'struct', fields: Object.fromEntries(fields) }
  }
  const plain = (['string', 'int32', 'int64', 'double', 'bool'] as const).find((kind) => kind === name)
  if (plain !== undefined) return { kind: plain }
  throw new FulcrumError('data', `There is no column type ${name}`, 'Give what a manifest names.')
}

/** At commas outside angle brackets. */
function splitFields(text: string): string[] {
  const fields: string[] = []
  let [depth, from] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]
    if (letter === '<') depth++
    else if (letter === '>') depth--
    else if (letter === ',' && depth === 0) {
      fields.push(text.slice(from, at))
      from = at + 2
    }
  }
  return text === '' ? [] : [...fields, text.slice(from)]
}

/** Why `value` does not fit the column, or null if it does. */
export function misfit(value: unknown, of: Column): string | null {
  if (value === null || value === undefined) return of.nullable ? null : 'is missing'
  return misfitOfType(value, of.type)
}

function misfitOfType(value: unknown, type: ColumnType): string | null {
  const fits = (ok: boolean): string | null => (ok ? null : `is not ${typeName(type)}: ${preview(value)}`)
  switch (type.kind) {
    case 'string':
      return fits(typeof value === 'string')
    case 'bool':
      return fits(typeof value === 'boolean')
    case 'double':
      return fits(typeof value === 'number')
    case 'int32':
      return fits(Number.isInteger(value) && (value as number) === ((value as number) | 0))
    case 'int64':
      return fits(typeof value === 'bigint' && BigInt.asIntN(64, value) === value)
    case 'list':
      if (!Array.isArray(value)) return fits(false)
      return value.map((item) => misfitOfType(item, type.item)).find((found) => found !== null) ?? null
    case 'struct': {
      if (typeof value !== 'object' || value === null) return fits(false)
      const fields = Object.entries(type.fields)
      for (const [name, field] of fields) {
        const inner = (value as Record<string, unknown>)[name]
        const found = inner === null || inner === undefined ? null : misfitOfType(inner, field)
        if (found !== null) return `field ${name} ${found}`
      }
      return null
    }
  }
}

function preview(value: unknown): string {
  const text =
    typeof value === 'bigint' ? `${value}n` : ((JSON.stringify(value) as string | undefined) ?? typeof value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
