import { readFile } from 'node:fs/promises'
import {
  Bool,
  type DataType,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeBuilder,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  type Vector,
} from 'apache-arrow'
import { FulcrumError } from '../errors.ts'
import type { Columns, ColumnType } from '../record/columns.ts'
import { writeWhole } from './files.ts'
import { readParquet } from './parquet-reader.ts'

/** Columns of some shards as one Arrow table: numbers lie in typed arrays, and no row objects are kept.
 *  Beware: apache-arrow's string view leaves out a leading U+FEFF; the bytes of the table keep it. */
export async function readTable(paths: readonly string[], columns: Columns): Promise<Table> {
  const names = Object.keys(columns)
  const builders = Object.values(columns).map(({ type }) =>
    makeBuilder({ type: arrowType(type), nullValues: [null] }),
  )
  for (const path of paths)
    for await (const row of readParquet(path, { columns: names }))
      builders.forEach((builder, i) => builder.append(row[names[i] as string]))
  const vectors = builders.map((builder): [string, Vector] => [
    names[builders.indexOf(builder)] as string,
    builder.finish().toVector(),
  ])
  return new Table(Object.fromEntries(vectors))
}

/** Writes a table as an Arrow IPC file, which pyarrow, DuckDB and Hugging Face datasets map without a copy. */
export async function writeArrow(path: string, table: Table): Promise<void> {
  await writeWhole(path, tableToIPC(table, 'file'))
}

/** Reads an Arrow IPC file or stream. */
export async function readArrow(path: string): Promise<Table> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new FulcrumError('data', `Cannot open ${path}`, 'Check the path.', cause)
  })
  try {
    const table = tableFromIPC(bytes)
    // The library takes bytes that are no Arrow at all for a table without columns.
    if (table.numCols > 0) return table
  } catch (cause) {
    throw new FulcrumError('data', `${path} is not a whole Arrow file`, 'Write the file again.', cause)
  }
  throw new FulcrumError('data', `${path} holds no Arrow columns`, 'Write the file again.')
}

function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case 'string':
      return new Utf8()
    case 'int32':
      return new Int32()
    case 'int64':
      return new Int64()
    case 'double':
      return new Float64()
    case 'bool':
      return new Bool()
    case 'list':
      return new List(new Field('element', arrowType(type.item), true))
    case 'struct':
      return new Struct(
        Object.entries(type.fields).map(([name, field]) => new Field(name, arrowType(field), true)),
      )
  }
}
