import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ColumnType, typeName } from '../../src/record/columns.ts'
import { typeNamed } from '../../src/record/type-name.ts'

const { type } = fc.letrec<{ type: ColumnType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('string', 'int32', 'int64', 'double', 'bool').map((kind) => ({ kind })),
    tie('type').map((item): ColumnType => ({ kind: 'list', item })),
    fc
      .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]\w{0,4}$/), tie('type')), {
        minLength: 1,
        maxLength: 3,
        selector: ([name]) => name,
      })
      .map((fields): ColumnType => ({ kind: 'struct', fields: Object.fromEntries(fields) })),
  ),
}))

test('a type is read back from its name', () => {
  fc.assert(
    fc.property(type, (of) => assert.deepEqual(typeNamed(typeName(of)), of)),
    { numRuns: 200 },
  )
  for (const text of ['', 'bytes', 'list<>', 'struct<a>', 'list<string', 'struct<a: list<bytes>>'])
    assert.equal(typeNamed(text), null, text)
})
