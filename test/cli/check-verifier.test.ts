import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fulcrum } from '../e2e/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-check-verifier-'))
after(() => rm(folder, { recursive: true }))

const pairs = [
  { answer: '1/2', reference: '0.5', label: 'equal' },
  { completion: 'The answer is $\\sqrt{8}$.', reference: '2\\sqrt{2}', label: 'equal' },
  { answer: '0.33', reference: '1/3', label: 'equal' },
  { answer: '2', reference: '3', label: 'equal' },
  { answer: '(1,2)', reference: '(2,1)', label: 'different' },
  { answer: '50\\%', reference: '50', problem: 'What percent?', label: 'different' },
]
const file = join(folder, 'pairs.jsonl')
writeFileSync(file, pairs.map((pair) => JSON.stringify(pair)).join('\n'))

test('check-verifier prints label by verdict, shows the mistakes, writes every pair and fails when asked to', async () => {
  const out = join(folder, 'checked.jsonl')
  const { code, stdout, stderr } = await fulcrum([
    'check-verifier',
    '--pairs',
    file,
    '--out',
    out,
    '--fail-on',
    'wrong-accept',
  ])
  assert.equal(code, 1, stderr)
  assert.match(stdout, /^math\/1 on 6 pairs/)
  assert.match(stdout, /equal +4 +equal +2 +50\.0 % +15\.0 % to 85\.0 %/)
  assert.match(stdout, / +different +1 +25\.0 %/)
  assert.match(stdout, /wrong accepts \(1\)\n {2}line 6: 50\\% \| 50/)
  assert.match(stdout, /wrong rejects \(1\)\n {2}line 4: 2 \| 3/)
  assert.match(stdout, /unparsed: one is the other rounded \(1\)\n {2}line 3: 0\.33 \| 1\/3/)
  const rows = readFileSync(out, 'utf8').trim().split('\n')
  assert.deepEqual(
    rows.map((row) => (JSON.parse(row) as { verdict: string }).verdict),
    ['equal', 'equal', 'unparsed', 'different', 'different', 'equal'],
  )
})

test('check-verifier gives the same numbers as JSON, with another verifier and in threads', async () => {
  const { code, stdout, stderr } = await fulcrum([
    ...[
      'check-verifier',
      '--pairs',
      file,
      '--json',
      '--verifier',
      'exact',
      '--workers',
      '1',
      '--timeout-ms',
      '60000',
    ],
  ])
  assert.equal(code, 0, stderr)
  const { verifier, confusion } = JSON.parse(stdout) as {
    verifier: string
    confusion: { label: string; verdicts: Record<string, { successes: number; trials: number }> }[]
  }
  assert.equal(verifier, 'exact/1')
  assert.deepEqual(
    confusion.map(({ label, verdicts }) => [label, verdicts.equal?.successes, verdicts.different?.trials]),
    [
      ['equal', 0, 4],
      ['different', 0, 2],
    ],
  )
})

test('check-verifier names what is wrong with a file of pairs', async () => {
  const bad = join(folder, 'bad.jsonl')
  writeFileSync(
    bad,
    '{"answer":"1","reference":"1","label":"same"}\n{"answer":1,"reference":"1","label":"equal"}\nx\n',
  )
  const { code, stderr } = await fulcrum(['check-verifier', '--pairs', bad])
  assert.equal(code, 2)
  assert.match(stderr, /line 1: label "same"; line 2: neither completion nor answer is text; line 3: /)
  assert.match(stderr, /next: {2}A pair has completion or answer/)
})
