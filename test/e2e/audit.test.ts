import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { dispatch } from '../../src/cli/dispatch.ts'
import { FulcrumError } from '../../src/errors.ts'
import { digests, fulcrum, start } from './command.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fulcrum-audit-cli-'))
  const item = (id: number) => ({ id: `q${id}`, question: numbered(100 * id, 20), answer: `${id} ducks` })
  await lines(
    'bench.jsonl',
    Array.from({ length: 9 }, (_, i) => item(i)),
  )
  await lines('clean.jsonl', [{ text: 'nothing of note' }])
  await lines('dirty.jsonl', [
    { text: 'nothing' },
    { text: `so: ${numbered(100, 20)}` },
    { text: `${numbered(200, 10)} ${numbered(9000, 60)}` },
  ])
})
after(() => rm(folder, { recursive: true, force: true }))

const numbered = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `w${from + i}`).join(' ')

const lines = (name: string, rows: readonly unknown[]): Promise<void> =>
  writeFile(join(folder, name), `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`)

const audit = (...args: string[]) => fulcrum(['audit', ...args], folder)

test('several files and benchmarks follow one option; the verdict, the table and the page are named', async () => {
  const { code, stdout, stderr } = await audit(
    '--corpus',
    'clean.jsonl',
    'dirty.jsonl',
    '--benchmarks',
    'bench.jsonl',
    '--out',
    'a',
  )
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    /^CONTAMINATED by phi4: 1 of 4 \(25\.00 %; 4\.56 % to 69\.94 %\) rows contaminated, 1 partial\n/,
  )
  assert.match(stdout, /Looked for 9 texts of 9 items, 126 7-grams \(index [0-9a-f]{16}\), in \d+ bytes/)
  assert.match(stdout, /bench +1 of 9 /)
  assert.match(stdout, /a\/audit\.html\n$/)
})

test('stored evidence is judged again, the corpus written, and the exit status follows --fail-on', async () => {
  const again = await audit('--judge', 'a', '--rule', 'gpt3', '--fail-on', 'contaminated', '--json')
  assert.equal(again.code, 1, again.stderr)
  assert.equal((JSON.parse(again.stdout) as { judged_by: { rule: string } }).judged_by.rule, 'gpt3')
  await writeFile(
    join(folder, 'allow.jsonl'),
    `${JSON.stringify({ benchmark: 'bench', item: 'q1', reason: 'known' })}\n`,
  )
  const allowed = await audit('--judge', 'a', '--allow', 'allow.jsonl', '--fail-on', 'contaminated')
  assert.equal(allowed.code, 0, allowed.stderr)
  const partial = await audit('--judge', 'a', '--allow', 'allow.jsonl', '--fail-on', 'partial')
  assert.equal(partial.code, 1)
  const written = await audit('--judge', 'a', '--write', 'quarantine')
  assert.match(written.stdout, /a\/corpus\/dirty\.jsonl\na\/quarantine\/dirty\.jsonl\n/)
  assert.match(await readFile(join(folder, 'a/quarantine/dirty.jsonl'), 'utf8'), /^\{"text":"so: w100/)
  assert.equal((await readFile(join(folder, 'a/corpus/dirty.jsonl'), 'utf8')).split('\n').length, 3)
})

test('mistakes are named: rule, thresholds, missing parts, missing files, lists without reasons', async () => {
  const at = (name: string): string => join(folder, name)
  const scan = ['--corpus', at('clean.jsonl'), '--benchmarks', at('bench.jsonl'), '--out', at('b')]
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [['--corpus', at('clean.jsonl')], /--benchmarks, --out missing/],
    [[...scan, '--rule', 'phi5'], /--rule "phi5"/],
    [[...scan, '--info', '0.9'], /info 0\.9 and contaminated 0\.5/],
    [[...scan, '--rule', 'gpt3', '--info', '0.1'], /gpt3 has no threshold/],
    [[...scan, '--field', 'messages[x'], /messages\[x/],
    [['--corpus', at('gone.jsonl'), ...scan.slice(2)], /there is no file .*gone\.jsonl/],
    [
      ['--corpus', 'clean.jsonl', '--benchmarks', 'gsm9k', '--out', 'b'],
      /There is no benchmark and no file gsm9k/,
    ],
    [['--judge', at('clean.jsonl')], /manifest\.json/],
    [['--judge', at('a'), '--corpus', at('clean.jsonl')], /--judge takes no --corpus/],
  ]
  for (const [args, message] of wrong) assert.match(await refusal(args), message)
  await writeFile(join(folder, 'list.jsonl'), '{"phrase":"one two three four five six seven eight"}\n')
  assert.match(
    await refusal(['--judge', at('a'), '--allow', at('list.jsonl')]),
    /list\.jsonl:1 is no entry of a list/,
  )
})

/** What the command throws, in this process. */
async function refusal(args: readonly string[]): Promise<string> {
  const terminal = {
    print: () => undefined,
    tell: () => undefined,
    live: false,
    width: 100,
    now: () => 0,
    signal: new AbortController().signal,
  }
  const error: unknown = await dispatch(['audit', ...args], terminal).then(
    () => new Error('nothing was refused'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof FulcrumError, String(error))
  return error.message
}

test('a scan that is killed and repeated leaves the bytes of one that was not', async () => {
  const rows = Array.from({ length: 6_000 }, (_, i) => ({
    id: i,
    text: `${numbered(10 * i, 12)} ${i % 7 === 0 ? numbered(100 * (i % 9), 20) : ''}`,
  }))
  await lines('large.jsonl', rows)
  const scan = (out: string) => [
    'audit',
    '--corpus',
    'large.jsonl',
    '--benchmarks',
    'bench.jsonl',
    '--out',
    out,
  ]
  const began = performance.now()
  assert.equal((await fulcrum(scan('whole'), folder)).code, 0)
  const took = performance.now() - began
  for (const share of [0.8]) {
    const run = start(scan('killed'), folder)
    const timer = setTimeout(() => run.child.kill('SIGKILL'), took * share)
    await run.ended
    clearTimeout(timer)
  }
  const { code, stderr } = await fulcrum(scan('killed'), folder)
  assert.equal(code, 0, stderr)
  assert.deepEqual(await digests(join(folder, 'killed')), await digests(join(folder, 'whole')))
})
