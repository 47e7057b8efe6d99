import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { FulcrumError } from '../../src/errors.ts'
import { openJournal } from '../../src/store/journal/journal.ts'

const root = await mkdtemp(join(tmpdir(), 'fulcrum-journal-'))
after(() => rm(root, { recursive: true }))

const record = fc.record({
  head: fc.dictionary(fc.string(), fc.integer()),
  body: fc.uint8Array({ maxLength: 300 }),
})

/** Writes records into a folder of their own; gives the one file's path. */
async function written(
  folder: string,
  records: readonly { head: object; body: Uint8Array }[],
): Promise<string> {
  const journal = await openJournal(folder)
  await Promise.all(records.map(({ head, body }) => journal.append(head, Buffer.from(body))))
  await journal.close()
  return join(folder, (await readdir(folder))[0] as string)
}

async function readAll(folder: string) {
  const journal = await openJournal(folder)
  const found = []
  for (const entry of journal.entries) found.push({ ...entry, body: await journal.read(entry) })
  await journal.close()
  return { found, damage: journal.damage }
}

let folders = 0
const fresh = (): string => join(root, String(folders++))

test('what is appended is read back, heads and bodies, in order', () =>
  fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 12 }), async (records) => {
      const folder = fresh()
      await written(folder, records)
      const { found, damage } = await readAll(folder)
      assert.deepEqual(damage, [])
      assert.deepEqual(
        found.map(({ head, body }) => ({ head: { ...head }, body: [...(body ?? [])] })),
        records.map(({ head, body }) => ({ head: { ...head }, body: [...body] })),
      )
    }),
    { numRuns: 30 },
  ))

test('a file that is cut off anywhere gives its whole records, and the rest reads as torn', () =>
  fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 8 }), fc.nat(), async (records, at) => {
      const folder = fresh()
      const file = await written(folder, records)
      const ends = (await readAll(folder)).found.map(({ offset, bytes }) => offset + bytes)
      const bytes = await readFile(file)
      const cut = at % (bytes.length + 1)
      await writeFile(file, bytes.subarray(0, cut))
      const { found, damage } = await readAll(folder)
      const whole = ends.filter((end) => end <= cut)
      assert.equal(found.length, whole.length)
      const torn = cut - (whole.at(-1) ?? 0)
      assert.deepEqual(
        damage.map(({ kind, bytes: lost }) => [kind, lost]),
        torn === 0 ? [] : [['torn', torn]],
      )
    }),
    { numRuns: 30 },
  ))

test('a flipped bit loses the record it is in and no other, and is reported', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 2, maxLength: 8 }),
      fc.nat(),
      fc.nat(7),
      async (records, at, bit) => {
        const folder = fresh()
        const file = await written(folder, records)
        const before = (await readAll(folder)).found
        const bytes = await readFile(file)
        const hit = at % bytes.length
        bytes[hit] = (bytes[hit] as number) ^ (1 << bit)
        await writeFile(file, bytes)
        const { found, damage } = await readAll(folder)
        const spared = before.filter(({ offset, bytes: length }) => hit < offset || hit >= offset + length)
        assert.deepEqual(found, spared)
        assert.equal(damage.length, 1)
      },
    ),
    { numRuns: 60 },
  ))

test('garbage of many megabytes between records is passed over', async () => {
  const folder = fresh()
  const file = await written(folder, [{ head: { a: 1 }, body: Buffer.alloc(10) }])
  const one = await readFile(file)
  // Full of marks that begin no record.
  const garbage = Buffer.alloc(3 << 20, Buffer.from([0xf5, 0x46, 0x4a, 0x01, 0]))
  await writeFile(file, Buffer.concat([one, garbage, one]))
  const { found, damage } = await readAll(folder)
  assert.equal(found.length, 2)
  assert.deepEqual(
    damage.map(({ kind, offset, bytes }) => [kind, offset, bytes]),
    [['corrupted', one.length, garbage.length]],
  )
})

test('a record that is corrupted after the journal was opened reads as null', async () => {
  const folder = fresh()
  const file = await written(folder, [{ head: {}, body: Buffer.from('answer') }])
  const journal = await openJournal(folder)
  const bytes = await readFile(file)
  bytes[bytes.length - 1] = 0
  await writeFile(file, bytes)
  assert.equal(await journal.read(journal.entries[0] as (typeof journal.entries)[0]), null)
  await journal.close()
})

test('writers at the same time have files of their own, and one that wrote nothing leaves none', async () => {
  const folder = fresh()
  const writers = await Promise.all([openJournal(folder), openJournal(folder), openJournal(folder)])
  await Promise.all(writers.slice(0, 2).map((writer, i) => writer.append({ i })))
  await Promise.all(writers.map((writer) => writer.close()))
  assert.equal((await readdir(folder)).length, 2)
  const heads = (await readAll(folder)).found.map(({ head }) => head.i)
  assert.deepEqual(heads.sort(), [0, 1])
})

test('a journal that cannot be written says so for every record, and does not hang', async () => {
  const file = join(root, 'a-file')
  await writeFile(file, '')
  const journal = await openJournal(join(root, 'gone'))
  await rm(root, { recursive: true })
  await writeFile(root, 'in the way')
  const isStoreError = (error: unknown) => error instanceof FulcrumError && error.code === 'store'
  await assert.rejects(journal.append({}), isStoreError)
  await assert.rejects(journal.append({}), isStoreError)
})
