import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { FulcrumError } from '../../src/errors.ts'
import { createOnce, sha256OfFile, writeWhole } from '../../src/store/files.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-files-'))

test('writeWhole makes the folders, replaces what was there and leaves nothing beside it', async () => {
  const path = join(folder, 'deep', 'er', 'a.json')
  await writeWhole(path, 'one')
  await writeWhole(path, Buffer.from('two'))
  assert.equal(readFileSync(path, 'utf8'), 'two')
  assert.deepEqual(readdirSync(join(folder, 'deep', 'er')), ['a.json'])
})

test('of many who create one file, one is told that it did, and its bytes stay', async () => {
  const path = join(folder, 'commits', '0.json')
  const won = await Promise.all(Array.from({ length: 20 }, (_, i) => createOnce(path, `attempt ${i}`)))
  assert.equal(won.filter(Boolean).length, 1)
  assert.equal(readFileSync(path, 'utf8'), `attempt ${won.indexOf(true)}`)
  assert.deepEqual(readdirSync(join(folder, 'commits')), ['0.json'])
})

test('what a killed attempt left is not taken for the file', async () => {
  const path = join(folder, 'killed', '0.json')
  mkdirSync(join(folder, 'killed'))
  writeFileSync(`${path}.00000000-0000-0000-0000-000000000000.partial`, 'half a rec')
  assert.equal(existsSync(path), false)
  assert.equal(await createOnce(path, 'whole'), true)
  assert.equal(readFileSync(path, 'utf8'), 'whole')
})

test('a path through a file and a folder in the way are refused by name, with nothing left behind', async () => {
  writeFileSync(join(folder, 'plain'), '')
  mkdirSync(join(folder, 'taken', 'full'), { recursive: true })
  for (const write of [writeWhole, createOnce])
    await assert.rejects(write(join(folder, 'plain', 'x'), ''), storeError(/Cannot write .*plain.x/))
  await assert.rejects(writeWhole(join(folder, 'taken'), ''), storeError(/Cannot write .*taken: EISDIR/))
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.partial')),
    [],
  )
})

test('sha256OfFile is the sha256 of the bytes', async () => {
  const bytes = Buffer.alloc(300_000, 'fulcrum')
  writeFileSync(join(folder, 'bytes'), bytes)
  assert.equal(await sha256OfFile(join(folder, 'bytes')), createHash('sha256').update(bytes).digest('hex'))
})

function storeError(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof FulcrumError && error.code === 'store' && message.test(error.message)
}
