import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fieldText, recordFields } from '../../src/corpus/fields.ts'
import { spanInRecord } from '../../src/corpus/span.ts'

/** Texts whose JSON has escapes of every kind, and every character escaped by chance. */
const text = fc.string({
  unit: fc.constantFrom('a', ' ', '\n', '"', '\\', '/', 'é', '漢', '😀', '\ud800', '\u0000', '\u007f'),
  maxLength: 30,
})

test('a span cut out of the raw record and unescaped is the span of the text', () => {
  fc.assert(
    fc.property(
      text,
      fc.array(fc.boolean(), { maxLength: 30 }),
      fc.nat(),
      fc.nat(),
      (value, escapes, a, b) => {
        const spelled = Array.from(value, (character, i) =>
          escapes[i] === true
            ? Array.from(
                { length: character.length },
                (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
              ).join('')
            : JSON.stringify(character).slice(1, -1),
        )
        const record = Buffer.from(`{"n":1, "m":[{"text" : "${spelled.join('')}"}]}`)
        const [field] = recordFields(record)
        assert.ok(field !== undefined)
        assert.equal(field.path, 'm[0].text')
        const bytes = fieldText(record, field)
        // Ends of characters of the text; a lone surrogate has become U+FFFD.
        const ends = [0]
        for (const character of Buffer.from(bytes).toString())
          ends.push((ends.at(-1) as number) + Buffer.byteLength(character))
        const [first, last] = [a % ends.length, b % ends.length].sort((x, y) => x - y) as [number, number]
        const [from, to] = [ends[first] as number, ends[last] as number]
        const span = spanInRecord(record, field, from, to)
        assert.deepEqual(fieldText(record, span), bytes.subarray(from, to))
      },
    ),
    { numRuns: 1000 },
  )
})

test('a span that ends within a character is refused', () => {
  const record = Buffer.from('{"text":"a\\u00e9b"}')
  const [field] = recordFields(record)
  assert.ok(field !== undefined)
  assert.deepEqual(spanInRecord(record, field, 1, 3), { byteStart: 10, byteEnd: 16 })
  assert.throws(() => spanInRecord(record, field, 1, 2), RangeError)
  assert.throws(() => spanInRecord(record, field, 0, 9), RangeError)
})
