import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileKernels } from '../../assembly/build.ts'
import { createExtractor, rowKind } from '../../src/corpus/extractor.ts'
import { fieldText, recordFields } from '../../src/corpus/fields.ts'
import { parseSelection } from '../../src/corpus/selection.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

interface Extracted {
  readonly kind: number
  readonly line: string
  readonly fields: readonly { path: string; text: string; raw: string }[]
}

const everything = createExtractor('all', 2 ** 20)

function extract(lines: string | Uint8Array, extractor = everything): Extracted[] {
  const bytes = typeof lines === 'string' ? Buffer.from(lines) : lines
  extractor.reset()
  extractor.input.set(bytes)
  const found: Extracted[] = []
  extractor.extract(bytes.length, ({ rows, rowCount, fields, fieldCount, memory }) => {
    const cut = (from: number, to: number): string => decoder.decode(memory.slice(from, to))
    for (let row = 0; row < rowCount; row++) {
      const [start, end, first, kind] = rows.subarray(4 * row, 4 * row + 4) as unknown as number[]
      const last = row + 1 < rowCount ? (rows[4 * row + 6] as number) : fieldCount
      const of = []
      for (let field = first as number; field < last; field++) {
        const [node, rawStart, rawEnd, textStart, textEnd] = fields.subarray(
          5 * field,
          5 * field + 5,
        ) as unknown as [number, number, number, number, number]
        of.push({
          path: extractor.path(node),
          text: cut(textStart, textEnd),
          raw: cut(rawStart, rawEnd),
        })
      }
      found.push({ kind: kind as number, line: cut(start as number, end as number), fields: of })
    }
  })
  return found
}

/** Every string of a parsed record, in order, by path without the places in arrays. */
function strings(value: unknown, path = ''): { path: string; text: string }[] {
  if (typeof value === 'string') return [{ path, text: decoder.decode(Buffer.from(value)) }]
  if (Array.isArray(value)) return value.flatMap((item) => strings(item, `${path}[]`))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => strings(inner, join(path, key)))
}

function join(path: string, key: string): string {
  if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(key)) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}

/** Records whose keys do not look like numbers, so that JSON.parse keeps their order. */
const key = fc.string({ unit: fc.constantFrom('a', 'b', '_', '.', ' ', 'é', '[', ']', '漢'), maxLength: 4 })
const anyString = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom('\n', '"', '\\', 'é', '😀', '\ud800', 'word ', '\u0000', '/'),
    maxLength: 40,
  }),
)
const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    anyString,
    fc.constantFrom(null, true, false, 0, -1.5e-7, 1e21, 12),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))
const record = fc.dictionary(key, json, { maxKeys: 5, noNullPrototype: true })

/** JSON with every character escaped by chance, and white space by chance. */
const spelled = fc.tuple(record, fc.infiniteStream(fc.nat(9))).map(([value, chance]) => {
  const draw = (): number => chance.next().value as number
  const text = JSON.stringify(value)
  let inString = false
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const character = String.fromCodePoint(text.codePointAt(i) as number)
    if (character === '"') inString = !inString
    if (inString && character === '\\') {
      const length = text[i + 1] === 'u' ? 6 : 2
      out += text.slice(i, i + length)
      i += length - 1
      continue
    }
    if (inString && character !== '"' && draw() === 0) out += escaped(character)
    else if (!inString && '{}[],:'.includes(character) && draw() < 2) out += `${character}\t \r`
    else out += character
    i += character.length - 1
  }
  return { value, text: out }
})

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => {
    const unit = character.charCodeAt(i).toString(16)
    return `\\u${unit.padStart(4, '0')}`
  }).join('')

test('the strings of any record are those that JSON.parse finds, with their paths', () => {
  fc.assert(
    fc.property(fc.array(spelled, { maxLength: 5 }), (records) => {
      const found = extract(records.map(({ text }) => text).join('\n'))
      assert.equal(found.length, records.length)
      found.forEach(({ kind, line, fields }, i) => {
        const { value, text } = records[i] as { value: unknown; text: string }
        assert.equal(line, Buffer.from(text).toString())
        const bytes = Buffer.from(text)
        const plain = recordFields(bytes).map((field) => ({
          path: field.path.replaceAll(/\[\d+\]/g, '[]'),
          text: decoder.decode(fieldText(bytes, field)),
        }))
        // Repeated keys, by an escape or not, are all read; JSON.parse keeps the last alone.
        assert.deepEqual(plain, strings(value))
        if (kind === rowKind.odd) assert.match(text, /\\/)
        else
          assert.deepEqual(
            fields.map(({ path, text: content }) => ({ path, text: content })),
            strings(value),
          )
        for (const { raw, text: content } of fields)
          assert.equal(decoder.decode(Buffer.from(JSON.parse(`"${raw}"`) as string)), content)
      })
    }),
    { numRuns: 400 },
  )
})

test('a line that is read without JSON.parse is one that JSON.parse takes', () => {
  const mutated = fc.tuple(
    spelled,
    fc.nat(),
    fc.constantFrom('', ...Array.from('{}[],:"\\ntu01-+.eE \u0001\t')),
  )
  let odd = 0
  fc.assert(
    fc.property(mutated, ([{ text }, place, instead]) => {
      const at = place % (text.length + 1)
      const line = text.slice(0, at) + instead + text.slice(at + 1)
      const [found] = extract(line)
      if (found?.kind !== rowKind.record) odd++
      else assert.doesNotThrow(() => void JSON.parse(line), line)
    }),
    { numRuns: 3000 },
  )
  assert.ok(odd > 100, 'mutations break lines')
})

test('numbers are read as JSON has them', () => {
  for (const number of ['0', '-0', '10', '1.5', '1e5', '1E+5', '-1.25e-7'])
    assert.equal(extract(`{"a":${number},"b":"x"}`)[0]?.kind, rowKind.record, number)
  for (const number of ['01', '+1', '.5', '1.', '1e', '1e+', '-', '0x1', 'NaN', '1_0'])
    assert.equal(extract(`{"a":${number},"b":"x"}`)[0]?.kind, rowKind.odd, number)
})

test('only the selected paths are read', () => {
  const line =
    '{"text":"a","meta":{"text":"b"},"messages":[{"role":"u","content":"c"},{"content":"d","x":["e"]}]}'
  const read = (...paths: string[]) => {
    const [row] = extract(line, createExtractor(parseSelection(paths), 4096))
    const bytes = Buffer.from(line)
    const byHand = recordFields(bytes, parseSelection(paths)).map((f) => decoder.decode(fieldText(bytes, f)))
    assert.deepEqual(
      byHand,
      row?.fields.map(({ text }) => text),
    )
    return byHand.join('')
  }
  assert.equal(read('text'), 'a')
  assert.equal(read('messages'), 'ucde')
  assert.equal(read('messages[].content', 'meta.text'), 'bcd')
  assert.equal(read('messages[].x[]'), 'e')
  assert.equal(read('["text"]', 'meta'), 'ab')
  assert.throws(() => parseSelection(['a..b']), /a\.\.b.*character/)
  assert.throws(() => parseSelection(['a["x]']), /a\["x\]/)
})

test('ten thousand distinct keys take bounded memory and lose no text', () => {
  const pairs = Array.from({ length: 10_000 }, (_, i) => `"key${i}":{"text":"t${i}"}`)
  const fields = extract(`{${pairs.join()}}`)[0]?.fields ?? []
  assert.deepEqual(
    fields.map(({ text }) => text),
    pairs.map((_, i) => `t${i}`),
  )
  assert.deepEqual([fields[0]?.path, fields[9_999]?.path], ['key0.text', '(other paths)'])
})

test('a crowd of keys does not hide a selected one', () => {
  const pairs = Array.from({ length: 10_000 }, (_, i) => `"key${i}":"no"`)
  const [row] = extract(
    `{${pairs.join()},"a":{"b":"yes"}}`,
    createExtractor(parseSelection(['a.b']), 2 ** 20),
  )
  assert.deepEqual(
    row?.fields.map(({ path, text }) => [path, text]),
    [['a.b', 'yes']],
  )
})

test('the module that ships is the one the source compiles to', () => {
  const shipped = readFileSync(new URL('../../src/corpus/extract.wasm.ts', import.meta.url), 'utf8')
  assert.equal(shipped, compileKernels('extract'))
})
