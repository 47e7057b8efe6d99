import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { readAudit, writeAuditReport } from '../../src/report/audit/audit.ts'
import { percent } from '../../src/report/audit/rates.ts'
import { audit } from '../../src/stages/decontaminate/audit/audit.ts'
import { entriesFor } from '../../src/stages/decontaminate/phrases.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-audit-page-'))
after(() => rm(folder, { recursive: true, force: true }))

const numbered = (from: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `w${from + i}`).join(' ')

const attack = `</pre></script><script>document.title='owned'</script><img src=x onerror="document.title='owned'">'"&\u202Egnp.exe\u0007`
const megabytes = 10

/** An audit with hostile text in every place a corpus or a benchmark can put it, and a row of 10 MB. */
async function hostileAudit(out: string, rule: 'phi4' | 'gpt3' = 'phi4') {
  const question = `${attack} ${numbered(0, 30)} ${attack}`
  const allowed = numbered(200, 13)
  const benchmark = join(folder, `bench.jsonl`)
  await writeFile(
    benchmark,
    [
      { id: attack, question, choices: ['<b>a</b>', 'b'], answer: 'A' },
      { id: 'twin', question },
      { id: 'plain', question: numbered(400, 30) },
      { id: 'short', question: 'Who?' },
      { id: 'empty', question: '!' },
      { id: 'allowed', question: `${allowed} ${numbered(300, 40)}` },
    ]
      .map((item) => JSON.stringify(item))
      .join('\n'),
  )
  const corpus = join(folder, 'train.jsonl')
  const long = `${'lorem ipsum dolor '.repeat((megabytes * 2 ** 20) / 18)}${numbered(400, 30)} tail ${'sit amet '.repeat(1000)}`
  const rows = [
    { id: attack, [attack]: `before ${question} after` },
    { text: long },
    { text: `${allowed} ${numbered(700, 40)}` },
    { text: 'clean' },
  ]
  await writeFile(corpus, `${rows.map((row) => JSON.stringify(row)).join('\n')}\n${attack}\n`)
  return audit({
    folder: out,
    corpus: [corpus],
    benchmarks: [`bench=${benchmark}`],
    fields: [],
    workers: 2,
    allow: [],
    versions: { fulcrum: '0.1.0', node: 'v20' },
    judging: { rule, allow: entriesFor([allowed], attack) },
    selfTestTrials: 10,
    seed: 1,
    review: true,
    signal: new AbortController().signal,
    watch: () => undefined,
    watchReview: () => undefined,
  })
}

const out = join(folder, 'audit')
const { summary } = await hostileAudit(out)
const text = await readFile(await writeAuditReport(out), 'utf8')

test('hostile text is inert wherever it comes from, and can be read', () => {
  const tags = new Set([...text.matchAll(/<([a-z0-9!/]+)/gi)].map(([, tag]) => tag?.replace('/', '')))
  for (const tag of ['script', 'img', 'iframe', 'link']) assert.ok(!tags.has(tag), `${tag} in the page`)
  for (const [whole] of text.matchAll(/<[a-z][^>]*>/gi))
    assert.doesNotMatch(whole, /\son[a-z]+\s*=|javascript:|\s(src|href|style)=/i)
  assert.doesNotMatch(text, /[\u202E\u0007]/)
  assert.ok(text.includes('&lt;script&gt;'))
})

test('one file: nothing may be loaded, and the style sheet is the one that is named', () => {
  const [, hash] = /style-src &#39;sha256-([^&]+)&#39;/.exec(text) ?? []
  const [, sheet = ''] = /<style>([\s\S]*?)<\/style>/.exec(text) ?? []
  assert.equal(createHash('sha256').update(sheet).digest('base64'), hash)
  assert.match(text, /default-src &#39;none&#39;/)
  assert.doesNotMatch(sheet, /url\(|@import/)
})

test('a row of 10 MB is shown around its match only', async () => {
  const { size } = await stat(join(out, 'audit.html'))
  assert.ok(size < 300_000, `${size} bytes`)
  assert.match(text, /<span class="gap">10,4\d\d,\d\d\d bytes<\/span>/)
})

test('every part is there: verdict, tables, both sides marked, ties, exclusions, self-test, review, warnings', () => {
  assert.equal(summary.status, 'contaminated')
  assert.match(text, /Contaminated: 2 of 4 rows hold benchmark items/)
  assert.match(text, /<mark class="run13">/)
  assert.match(text, /Fits as well: bench twin/)
  assert.match(text, /left out[\s\S]*w200 w201 w202/)
  assert.match(text, /planted leak[\s\S]*verbatim[\s\S]*hard negative[\s\S]*licence header/)
  assert.match(text, /For review/)
  assert.match(text, /1 items have no word and cannot be found at all: empty/)
  assert.match(text, /1 not JSON/)
  assert.doesNotMatch(text, /NaN|undefined|Infinity/)
})

test('two audits are compared item by item', async () => {
  const later = join(folder, 'later')
  await hostileAudit(later)
  const page = await readFile(await writeAuditReport(later, await readAudit(out)), 'utf8')
  assert.match(page, /Since the earlier audit[\s\S]*newly contaminated[\s\S]*none/)
})

test('shares are written with digits that say something', () => {
  assert.deepEqual([0, 1, 0.00012, 0.0234, 0.5, 0.9999].map(percent), [
    '0 %',
    '100 %',
    '0.012 %',
    '2.34 %',
    '50.0 %',
    '99.99 %',
  ])
})

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

test(
  'a browser shows the page, runs nothing of it and asks for nothing',
  { skip: browser === undefined ? 'NO CHROMIUM HERE: the page was not opened in a browser' : false },
  async () => {
    const page = `file://${join(out, 'audit.html')}`
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(folder, 'profile')}`,
    ]
    const { stdout } = await promisify(execFile)(browser as string, [...flags, '--dump-dom', page], {
      maxBuffer: 2 ** 26,
    })
    assert.match(stdout, /<title>Contamination audit<\/title>/, 'no script changed the title')
    assert.match(stdout, /Contaminated: 2 of 4 rows/)
    assert.doesNotMatch(stdout, /<img|<script/)
    assert.equal((stdout.match(/<article class="match">/g) ?? []).length, summary.matches.length)
    const picture = join(folder, 'page.png')
    await promisify(execFile)(browser as string, [
      ...flags,
      '--window-size=1200,2400',
      `--screenshot=${picture}`,
      page,
    ])
    assert.ok((await stat(picture)).size > 50_000, 'the page is drawn')
  },
)
