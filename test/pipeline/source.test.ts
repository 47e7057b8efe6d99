import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { problems, records, type Source, surveyInputs } from '../../src/pipeline/source.ts'
import { col, type Columns } from '../../src/record/columns.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-source-'))
after(() => rm(folder, { recursive: true }))

let files = 0
const jsonl = (...lines: (object | string)[]): string => {
  const path = join(folder, `${++files}.jsonl`)
  writeFileSync(
    path,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  )
  return path
}

async function read<C extends Columns>(source: Source<C>): Promise<{ rows: object[]; reasons: string[] }> {
  const rows: object[] = []
  const reasons: string[] = []
  for await (const { row, reason } of source.rows()) {
    if (reason === null) rows.push(row)
    else reasons.push(`${reason} ${(row as { at: string }).at.slice(folder.length + 1)}`)
  }
  return { rows, reasons }
}

test('problems of every known layout come out the same', async () => {
  const path = jsonl(
    { id: 'a', problem: 'p', answer: '7' },
    { id: 8, problem: 'q', answer: 7.5 },
    { question_id: 'g', question: 'How many?', answer: 'She has 3 * 4 = <<3*4=12>>12.\n#### 1,012' },
    { unique_id: 'm', problem: 'Box it', solution: 'So \\boxed{\\frac{1}{2}} it is.' },
    { unique_id: 'n', problem: 'Both', answer: 'x^2', solution: 'We get $\\boxed{y}$.' },
  )
  assert.deepEqual((await read(problems(path))).rows, [
    { id: 'a', problem: 'p', answer: '7' },
    { id: '8', problem: 'q', answer: '7.5' },
    { id: 'g', problem: 'How many?', answer: '1,012' },
    { id: 'm', problem: 'Box it', answer: '\\frac{1}{2}' },
    { id: 'n', problem: 'Both', answer: 'x^2' },
  ])
})

test('a problem without id is known by a hash of its text, the same in every file', async () => {
  const [one, other] = [jsonl({ problem: 'p', answer: '1' }), jsonl({ answer: '2', problem: 'p' })]
  const ids = [...(await read(problems(one))).rows, ...(await read(problems(other))).rows] as { id: string }[]
  assert.match(ids[0]?.id ?? '', /^[0-9a-f]{12}$/)
  assert.equal(ids[0]?.id, ids[1]?.id)
})

test('bad records are dropped with their reason and place, a repeated id with it; the others go on', async () => {
  const path = jsonl(
    { id: 'a', problem: 'p', answer: '1' },
    '{"id": "b", "problem": ',
    { id: 'c', answer: '1' },
    { id: 'd', problem: ['p'], answer: '1' },
    { id: 'a', problem: 'p2', answer: '2' },
    '[1]',
    { id: 'e', problem: 'p3', answer: '3' },
  )
  const { rows, reasons } = await read(problems(path))
  assert.deepEqual(
    rows.map((row) => (row as { id: string }).id),
    ['a', 'e'],
  )
  assert.deepEqual(reasons, [
    'malformed line 1.jsonl:2'.replace('1.', `${files}.`),
    `column problem is missing ${files}.jsonl:3`,
    `column problem is not string ${files}.jsonl:4`,
    `duplicate id ${files}.jsonl:5`,
    `malformed line ${files}.jsonl:6`,
  ])
})

test('malformed lines are borne up to one in ten of a file, or 3, or what the source allows', async () => {
  const good = Array.from({ length: 60 }, (_, i) => ({ problem: `p${i}`, answer: '1' }))
  const bad = (count: number): string[] => Array.from({ length: count }, () => '{oops')
  assert.equal((await surveyInputs(problems(jsonl(...bad(3)))))[0]?.malformed, 3)
  assert.equal((await surveyInputs(problems(jsonl(...good, ...bad(6)))))[0]?.malformed, 6)
  await assert.rejects(surveyInputs(problems(jsonl(...good, ...bad(7)))), {
    code: 'data',
    message: /has 7 malformed lines of 67, more than 6: .*\.jsonl:61: /,
  })
  await assert.rejects(surveyInputs(problems(jsonl(...good, 'x'), { malformedLimit: 0 })), /more than 0/)
  assert.equal((await surveyInputs(problems(jsonl(...bad(9)), { malformedLimit: 9 })))[0]?.rows, 9)
})

test('fields of other names are renamed, columns of any type are checked', async () => {
  const path = jsonl({ task: 'p', solution: '#### 4', tags: ['x'] }, { task: 'q', solution: '5', tags: [1] })
  const renamed = await read(problems(path, { rename: { problem: 'task' } }))
  assert.deepEqual(
    renamed.rows.map((row) => Object.values(row as Record<string, unknown>).slice(1)),
    [
      ['p', '4'],
      ['q', '5'],
    ],
  )
  const tagged = records(path, { id: col.string('id'), tags: col.list(col.string('tag'), 'tags') })
  const { rows, reasons } = await read(tagged)
  assert.equal(rows.length, 1)
  assert.deepEqual(reasons, [`column tags is not string ${files}.jsonl:2`])
})

test('several files and gzip are one source; ids are unique over all of them', async () => {
  const path = join(folder, 'more.jsonl.gz')
  writeFileSync(
    path,
    gzipSync('{"id":"b","problem":"p","answer":"1"}\n{"id":"a","problem":"p","answer":"1"}\n'),
  )
  const { rows, reasons } = await read(problems([jsonl({ id: 'a', problem: 'p', answer: '1' }), path]))
  assert.equal(rows.length, 2)
  assert.deepEqual(reasons, ['duplicate id more.jsonl.gz:2'])
})

test('a missing file and an empty one are said before anything runs', async () => {
  const plan = (path: string) =>
    planPipeline(Pipeline.from(problems(path)), { name: 'x', seed: 0, shardRows: 64 })
  await assert.rejects(plan(join(folder, 'none.jsonl')), {
    code: 'data',
    message: /There is no file .*none\.jsonl/,
  })
  await assert.rejects(plan(jsonl('')), { code: 'data', message: /There are no records in/ })
})
