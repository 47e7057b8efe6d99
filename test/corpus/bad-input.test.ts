import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { damageOf } from '../../src/corpus/scan.ts'
import { FulcrumError } from '../../src/errors.ts'
import { readyZstd, zstd } from '../../src/store/zstd.ts'
import { items, scan } from './corpus.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-bad-'))
after(() => rm(folder, { recursive: true, force: true }))
await readyZstd()

const put = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}
const hit = (text = items[0] as string): string => JSON.stringify({ text })

test('every kind of bad line is counted with its reason and place, and good rows around it are read', async () => {
  const lines: (string | Uint8Array)[] = [
    `\uFEFF${hit()}`,
    'this is no JSON',
    '[1,2]',
    Buffer.concat([Buffer.from('{"text":"'), Uint8Array.of(0xc3, 0x28), Buffer.from('"}')]),
    '{"text":"a\u0000b"}',
    `{"text":"\\u0000${items[1] as string}"}`,
    `{"x":1}`,
    `{"text":${'['.repeat(600)}"deep"${']'.repeat(600)}}`,
    `{"te\\u0078t":"${items[0] as string}"}`,
    `{"text":"clean","text":"${items[1] as string}"}`,
    `${hit()}\r`,
    '{"text":"\ud83d"}',
    `{"deep":${'['.repeat(100)}"${items[0] as string}"${']'.repeat(100)}}`,
    `{"text":"${items[0] as string}"`,
    '"text"',
  ]
  const content = Buffer.concat(lines.flatMap((line) => [Buffer.from(line as string), Buffer.from('\n')]))
  const path = await put('bad.jsonl', content.subarray(0, -1))
  const { events, totals } = await scan([path])
  const bad = events.flatMap((event) => (event.kind === 'unreadable-row' ? [[event.row, event.reason]] : []))
  assert.deepEqual(bad, [
    [2, 'not JSON'],
    [3, 'not a JSON object'],
    [4, 'not UTF-8'],
    [5, 'not JSON'],
    [8, 'nested too deeply'],
    [14, 'not JSON'],
    [15, 'not a JSON object'],
  ])
  const hits = events.flatMap((event) => (event.kind === 'hit' ? [event] : []))
  assert.deepEqual(
    hits.map(({ row }) => row),
    [1, 6, 9, 10, 11, 13],
  )
  for (const { recordStart, recordEnd, record, fields } of hits) {
    assert.deepEqual(Buffer.from(record as Uint8Array), content.subarray(recordStart, recordEnd))
    assert.equal(fields.length, 1)
  }
  assert.equal(hits[5]?.fields[0]?.path, `deep${'[0]'.repeat(100)}`)
  assert.equal(totals.counts.rows, lines.length)
  assert.deepEqual(totals.counts.unreadable, {
    'not JSON': 3,
    'not a JSON object': 2,
    'not UTF-8': 1,
    'nested too deeply': 1,
  })
  assert.equal(totals.counts.withoutText, 1)
})

test('rows without the selected field are counted', async () => {
  const path = await put('other.jsonl', `${hit()}\n{"other":"x"}\n{"text":7}\n`)
  const { totals, events } = await scan([path], { workers: 1, fields: ['text'] })
  assert.deepEqual([totals.counts.rows, totals.counts.withoutText, events.length], [3, 2, 1])
})

test('too many bad lines end the pass and name the first', async () => {
  const path = await put('garbage.jsonl', 'x\n'.repeat(50))
  await assert.rejects(
    scan([path], { workers: 1, mostUnreadable: 20 }),
    /More than 20 rows.*garbage\.jsonl:1: /,
  )
})

test('a line of 12 MB is read, and counted as too long beyond the limit', async () => {
  const long = `{"text":"${'nothing at all '.repeat(800_000)}${items[0] as string}"}`
  const path = await put('long.jsonl', `${hit()}\n${long}\n${hit()}\n`)
  const { events } = await scan([path])
  assert.deepEqual(
    events.map((event) => event.kind === 'hit' && event.row),
    [1, 2, 3],
  )
  const limited = await scan([path], { workers: 1, mostLineBytes: 10_000_000 })
  assert.deepEqual(
    limited.events.map((event) => (event.kind === 'unreadable-row' ? event.detail : event.kind)),
    ['hit', `a line of ${long.length} bytes, more than 10000000`, 'hit'],
  )
  assert.equal(limited.totals.counts.bytes, (await scan([path])).totals.counts.bytes)
})

test('a truncated or flipped packed file is read up to the break, which is named; the other files are read whole', async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) =>
    i % 1000 === 0 ? hit() : JSON.stringify({ text: `${i * 7919}` }),
  )
  const content = Buffer.from(`${lines.join('\n')}\n`)
  const good = await put('good.jsonl', content)
  for (const [name, packed] of [
    ['gz', gzipSync(content)],
    ['zst', zstd(content)],
  ] as const) {
    const cut = await put(`cut.jsonl.${name}`, packed.subarray(0, packed.length - 2000))
    const { events, totals } = await scan([cut, good])
    const read = totals.files[0]?.rows ?? 0
    assert.ok(read > 5000 && read < 20_000, `${read} rows of ${name}`)
    assert.equal(totals.files[1]?.rows, 20_000)
    const before = lines.slice(0, read).filter((line) => line === hit()).length
    assert.deepEqual(
      events.map(({ kind, file }) => [kind, file]),
      [
        ...Array<unknown>(before).fill(['hit', 0]),
        ['unreadable-file', 0],
        ...Array<unknown>(20).fill(['hit', 1]),
      ],
    )
    const error = damageOf(totals)
    assert.ok(error instanceof FulcrumError)
    assert.match(
      error.message,
      new RegExp(`cut\\.jsonl\\.${name}: unexpected end of file at byte ${packed.length - 2000} of`),
    )
    assert.deepEqual((await scan([cut, good])).events, events)

    const flipped = Uint8Array.from(packed)
    flipped[packed.length >> 1] = (flipped[packed.length >> 1] as number) ^ 0x10
    const broken = await scan([await put(`flip.jsonl.${name}`, flipped)])
    assert.match(broken.totals.files[0]?.damage ?? '', /flip\.jsonl\..*at byte/)
  }
})

test('a packed file that unpacks to too much breaks off', async () => {
  const line = `{"text":"${'x'.repeat(100_000)}"}\n`
  const gz = await put('bomb.jsonl.gz', gzipSync(line.repeat(800)))
  const byRatio = await scan([gz], { workers: 1, mostUnpackedRatio: 200 })
  assert.match(byRatio.totals.files[0]?.damage ?? '', /unpacks to more than the 200 times its size/)
  assert.ok(byRatio.totals.counts.bytes >= 60 * 2 ** 20)
  const zst = await put('bomb.jsonl.zst', zstd(Buffer.from(line.repeat(50))))
  for (const path of [gz, zst]) {
    const bySize = await scan([path], { workers: 1, mostUnpackedBytes: 2 ** 20 })
    assert.match(bySize.totals.files[0]?.damage ?? '', /more than the 1048576 bytes allowed/)
    assert.ok(bySize.totals.counts.bytes <= 2 ** 20)
  }
})

test('missing files, unknown kinds and broken Parquet are refused by name', async () => {
  await assert.rejects(
    scan([join(folder, 'none.jsonl'), join(folder, 'x.txt')]),
    /no file .*none\.jsonl; .*x\.txt has no known/,
  )
  await assert.rejects(
    scan([await put('no.parquet', 'PAR1 and no more')]),
    /no\.parquet is not a whole Parquet file/,
  )
  await assert.rejects(scan([]), /No corpus file/)
  const { totals } = await scan([await put('empty.jsonl', '')])
  assert.equal(totals.counts.rows, 0)
})
