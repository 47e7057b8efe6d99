import assert from 'node:assert/strict'
import { test } from 'node:test'
import { datasetCard } from '../../src/pipeline/card.ts'
import { datasetInfo } from '../../src/pipeline/dataset-info.ts'
import { ownTrainers, unsafe, uses } from '../../src/record/consumers.ts'
import { dpoBranch } from '../../src/record/dpo-branch.ts'
import { dpoFull } from '../../src/record/dpo-full.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { grpo } from '../../src/record/grpo.ts'
import { kto } from '../../src/record/kto.ts'
import { rlvrTulu } from '../../src/record/rlvr-tulu.ts'
import { sft } from '../../src/record/sft.ts'
import { sftText } from '../../src/record/sft-text.ts'
import type { Manifest } from '../../src/store/manifest.ts'

const text = { type: 'string', nullable: false, meaning: 'text' }
const config = (rows: number): Manifest['configs'][string] => ({
  rows,
  columns: { prompt: text },
  shards: [],
})
const manifest: Manifest = {
  format: 'fulcrum-manifest/1',
  name: 'tens',
  pipeline: {
    name: 'tens',
    options: {},
    config_sha256: 'a'.repeat(64),
    stages: [
      {
        name: 'decontaminate',
        options: { against: [{ name: 'gsm8k' }], rule: 'phi4', info: 0.2, contaminated: 0.5 },
        rows_in: 1300,
        rows_out: 1200,
      },
    ],
  },
  seed: 0,
  versions: { fulcrum: '0.1.0', node: 'v20' },
  models: [],
  inputs: [{ file: 'in.jsonl', sha256: 'b'.repeat(64), rows: 1300, malformed: 0 }],
  configs: { sft_text: config(1200), dpo_pivotal: config(30), rollouts: config(9000) },
  removed: {
    rows: 100,
    by_reason: [
      { stage: 'decontaminate', reason: 'contaminated (13-gram): gsm8k item 7', rows: 60 },
      { stage: 'decontaminate', reason: 'contaminated (13-gram): gsm8k item 8', rows: 40 },
    ],
    shards: [],
  },
  counters: {},
}

test('the card names configs for the Hub, who trains with which and who must not, and what fell', () => {
  const card = datasetCard({ ...manifest, licence: 'cc-by-4.0', description: 'Sums.' })
  assert.match(card, /^---\npretty_name: "tens"\nlicense: "cc-by-4.0"\nsize_categories:\n {2}- 10K<n<100K\n/)
  assert.match(
    card,
    /- config_name: sft_text\n {4}default: true\n {4}data_files:\n {6}- split: train\n {8}path: data\/sft_text\/train-\*\.parquet\n/,
  )
  assert.match(card, /\| `dpo_pivotal` \| `fulcrum train dpo` \|/)
  assert.match(card, /\| `dpo_pivotal` \| \*\*not TRL\*\* \| it puts an end token behind each side/)
  assert.match(card, /1300 rows compared with gsm8k \(rule phi4, .*\); 100 dropped as contaminated\./)
  assert.match(card, /\| decontaminate \| contaminated \(13-gram\) \| 100 \|/)
  assert.match(datasetCard(manifest), /license: "unknown"[^]*No licence was given/)
  const never = { ...manifest, pipeline: { ...manifest.pipeline, stages: [] } }
  assert.match(datasetCard(never), /no row was compared with any benchmark/)
})

test('names and reasons from files are text in the card, never markup, a table cell or a link', () => {
  const hostile = '<img src=x onerror=alert(1)> | [x](javascript:alert(1)) `code`\n---\n# https://example.org'
  const card = datasetCard({
    ...manifest,
    name: hostile,
    models: [{ id: hostile }],
    removed: { ...manifest.removed, by_reason: [{ stage: hostile, reason: hostile, rows: 1 }] },
  })
  const body = card.slice(card.indexOf('\n---\n') + 5)
  assert.ok(!/<img|[^\\]\[x|[^\\]`code|^# https|^---$/m.test(body), body)
  assert.ok(!body.includes('https://example'))
  assert.equal(card.split('\n').filter((line) => line === '---').length, 2)
  const [row] = body.split('\n').filter((line) => line.startsWith('| &lt;img'))
  assert.equal(row?.split(/(?<!\\)\|/).length, 5)
})

test('dataset_info.json has the configs that LLaMA-Factory trains, messages as sharegpt', () => {
  const configs = Object.fromEntries(
    ['sft', 'dpo_branch', 'grpo', 'dpo_pivotal'].map((name) => [name, config(1)]),
  )
  const info = JSON.parse(datasetInfo({ configs })) as Record<string, Record<string, unknown>>
  assert.deepEqual(Object.keys(info), ['sft', 'dpo_branch', 'dpo_pivotal'])
  assert.deepEqual([info.sft?.formatting, info.sft?.file_name], ['sharegpt', 'data/sft'])
  assert.deepEqual(info.dpo_branch?.columns, {
    messages: 'prompt',
    chosen: 'chosen_message',
    rejected: 'rejected_message',
  })
  assert.deepEqual(info.dpo_pivotal, {
    formatting: 'alpaca',
    columns: { prompt: 'prompt_with_bos', chosen: 'chosen', rejected: 'rejected' },
    ranking: true,
    file_name: 'data/dpo_pivotal',
  })
})

test('every column that a trainer is said to read is in the config', () => {
  const template = { template: { chatTemplateSha256: null, renderChat: () => '' } }
  const shapes = [
    sftText,
    sft(template),
    dpoPivotal,
    dpoBranch(template),
    dpoFull(template),
    grpo(),
    kto,
    rlvrTulu(),
  ]
  for (const { config: name, columns } of shapes) {
    for (const [trainer, use] of Object.entries(uses[name] ?? {})) {
      const missing = Object.values(use.columns).filter((column) => !(column in columns))
      assert.deepEqual(missing, [], `${name} for ${trainer}`)
      assert.ok(unsafe[name]?.[trainer as 'trl'] === undefined)
    }
    assert.ok(name in uses || name in ownTrainers, name)
  }
})
