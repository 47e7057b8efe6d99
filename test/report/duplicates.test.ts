import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { duplicatesPage } from '../../src/report/duplicates.ts'
import type { DedupeSummary } from '../../src/store/dedupe-summary.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-duplicates-'))
after(() => rm(folder, { recursive: true, force: true }))

const attack = `</style></title><script>document.title='broken'</script><img src=x onerror="alert(1)">\u202E`

const summary: DedupeSummary = {
  format: 'fulcrum-dedupe/1',
  options: {
    fields: [attack],
    kind: 'near',
    keep: 'longest',
    shingle: 5,
    bands: 14,
    rows: 8,
    threshold: 0.7,
  },
  inputs: [{ file: attack, sha256: '0'.repeat(64), rows: 1010, documents: 1000, removed: 250 }],
  rows: 1010,
  documents: 1000,
  not_compared: { [attack]: 10 },
  too_short: 4,
  removed: { exact: 100, normalised: 50, near: 100 },
  clusters: 120,
  documents_in_clusters: 370,
  sizes: [
    { from: 2, to: 2, clusters: 119 },
    { from: 129, to: 256, clusters: 1 },
  ],
  linked: 300,
  left_out: 0,
  calibration: {
    pairs: 45,
    bins: [
      { low: 0, high: 0.5, pairs: 0, found: 0, merged: 0, expected: null },
      { low: 0.5, high: 0.8, pairs: 40, found: 25, merged: 5, expected: 0.6 },
      { low: 0.8, high: 1, pairs: 5, found: 5, merged: 5, expected: 0.99 },
    ],
  },
  largest: [
    {
      cluster: attack,
      size: 132,
      rows: [
        { row: 'a:1', stays: true, kind: null, jaccard: 1, text: attack },
        { row: 'a:2', stays: false, kind: 'near', jaccard: 0.8125, text: attack },
      ],
    },
  ],
}

test('the page has counts with what they are counted of, the calibration with its intervals, and the texts', () => {
  const page = duplicatesPage(summary)
  assert.match(page, /760<\/b>rows stay/)
  assert.match(page, /25\.00 % of 1,000/)
  assert.match(page, />129 to 256</)
  assert.match(page, /\.625<\/td>[^]*?\.470 to \.758<\/td>[^]*?\.600<\/td>/)
  assert.match(page, /removed, near, Jaccard \.813/)
  assert.match(page, /and 130 more/)
  assert.doesNotMatch(page, /NaN|undefined|Infinity|\u202E/)
})

test('a search for equal texts has no calibration, a corpus without duplicates no clusters', () => {
  const page = duplicatesPage({
    ...summary,
    options: { ...summary.options, kind: 'exact' },
    calibration: null,
    sizes: [],
    largest: [],
  })
  assert.match(page, /exact duplicates only/)
  assert.doesNotMatch(page, /Largest clusters|Clusters by size|How much the search finds/)
})

const chromium = ['chromium', 'google-chrome', 'chromium-browser'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

test(
  'a browser shows the page, and hostile texts make no element of it',
  { skip: chromium === undefined ? 'NO CHROMIUM HERE: the page was not opened' : false },
  async () => {
    const file = join(folder, 'dedupe.html')
    await writeFile(file, duplicatesPage(summary))
    const args = ['--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr', '--dump-dom']
    const { stdout, stderr } = spawnSync(chromium ?? '', [...args, pathToFileURL(file).href], {
      encoding: 'utf8',
    })
    assert.match(stdout, /<title>Duplicates<\/title>/)
    assert.equal(stdout.match(/<circle class="to"/g)?.length, 2)
    assert.equal(stdout.match(/<article>/g)?.length, 1)
    assert.doesNotMatch(stdout, /<(script|img)/)
    assert.ok(stdout.includes('&lt;script&gt;document.title'))
    assert.doesNotMatch(stderr, /CONSOLE/, 'nothing was refused by the policy')
  },
)
