import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Tokenizer } from '../../src/model/model.ts'
import { exportDataset } from '../../src/pipeline/export.ts'
import { type Trainer, uses } from '../../src/record/consumers.ts'
import { locate } from '../../src/store/bundled.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { fulcrum } from '../e2e/command.ts'
import { buildEveryConfig } from './dataset.ts'

// load_datasets.py wants datasets, trl_steps.py wants trl, transformers and torch: each is skipped loudly without.
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const [readers = 'python3', trainers = readers] = [
  process.env.FULCRUM_TEST_PYTHON,
  process.env.FULCRUM_TEST_TRL,
]
// `import datasets` alone would find the folder of that name here.
const without = (python: string, modules: string, variable: string): string | false =>
  spawnSync(python, ['-c', `from datasets import load_dataset\n${modules}`]).status !== 0 &&
  `SKIPPED: ${python} has no datasets${modules.replace('import', ' and')} (set ${variable})`
const noReaders = without(readers, '', 'FULCRUM_TEST_PYTHON')
const noTrainers = without(trainers, 'import torch, transformers, trl', 'FULCRUM_TEST_TRL')

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-outputs-'))
let built: { readonly out: string; readonly tokenizer: Tokenizer }
before(async () => {
  built = await buildEveryConfig(folder)
})
after(() => rm(folder, { recursive: true }))

interface Loaded {
  readonly splits: string[]
  readonly rows: number
  readonly features: Readonly<Record<string, string>>
  readonly first: Readonly<Record<string, unknown>>
}

function load(...folders: string[]): Record<string, Record<string, Loaded>> {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', HF_DATASETS_CACHE: join(folder, 'cache') }
  const run = spawnSync(readers, [script('load_datasets.py'), ...folders], { encoding: 'utf8', env })
  assert.equal(run.status, 0, run.stderr)
  return JSON.parse(run.stdout) as Record<string, Record<string, Loaded>>
}

const messages = "List({'role': Value('string'), 'content': Value('string')})"

test(
  'Hugging Face datasets loads every config of a built folder, with its types and nothing else beside',
  { skip: noReaders },
  async () => {
    const { out } = built
    const { configs } = await readManifest(join(out, 'manifest.json'))
    const loaded = load(out)[out] ?? {}
    assert.deepEqual(Object.keys(loaded).sort(), Object.keys(configs).sort())
    for (const [config, { splits, rows, features }] of Object.entries(loaded)) {
      assert.deepEqual([splits, rows], [['train'], 8], config)
      assert.deepEqual(Object.keys(features), Object.keys(configs[config]?.columns ?? {}), config)
    }
    const typeOf = (config: string, name: string): string | undefined => loaded[config]?.features[name]
    assert.equal(typeOf('sft', 'messages'), messages)
    assert.equal(typeOf('sft_text', 'completion_ids'), "List(Value('int32'))")
    assert.equal(typeOf('kto', 'label'), "Value('bool')")
    assert.equal(
      typeOf('dpo_branch', 'chosen_message'),
      "{'role': Value('string'), 'content': Value('string')}",
    )
    assert.equal(typeOf('grpo', 'extra_info'), "{'index': Value('int64'), 'split': Value('string')}")
    const cases =
      "List({'fn_name': Value('string'), 'input': Value('string'), 'output': Value('string'), 'type': Value('string')})"
    assert.equal(typeOf('grpo', 'verification_info'), `{'language': Value('string'), 'test_cases': ${cases}}`)
    assert.equal(loaded.grpo?.first['verification_info'], null)
  },
)

test('an export has the columns of its trainer and no others, in a folder that loads', async () => {
  const { out } = built
  const folders: Record<string, Trainer> = {}
  for (const trainer of ['trl', 'axolotl', 'llama-factory', 'verl', 'open-instruct'] as const) {
    const to = join(folder, `for-${trainer}`)
    folders[to] = trainer
    const exported = await exportDataset(join(out, 'manifest.json'), { trainer, configs: [], out: to })
    const readable = Object.keys(uses).filter((config) => uses[config]?.[trainer] !== undefined)
    const wanted = readable.filter((config) => !['dpo_pivotal', 'prm'].includes(config))
    assert.deepEqual(exported.map(({ config }) => config).sort(), wanted.sort(), trainer)
    for (const { config, rows, columns } of exported) {
      assert.equal(rows, 8)
      assert.deepEqual(columns, Object.keys(uses[config]?.[trainer]?.columns ?? {}))
      const files = await readdir(join(to, 'data', config))
      assert.deepEqual(files, ['train-00000-of-00002.parquet', 'train-00001-of-00002.parquet'])
    }
  }
  const info = JSON.parse(
    readFileSync(join(folder, 'for-llama-factory/dataset_info.json'), 'utf8'),
  ) as Record<string, { columns: object }>
  for await (const row of readParquet(
    join(folder, 'for-llama-factory/data/dpo_branch/train-00000-of-00002.parquet'),
  )) {
    assert.ok(Object.values(info.dpo_branch?.columns ?? {}).every((name) => String(name) in row))
  }
  if (noReaders !== false) return
  // Starting Python takes longer than all the rest.
  for (const [to, configs] of Object.entries(load(join(folder, 'for-trl'), join(folder, 'for-verl')))) {
    const trainer = folders[to] as Trainer
    for (const [config, { rows, features }] of Object.entries(configs)) {
      assert.deepEqual(
        [rows, Object.keys(features)],
        [8, Object.keys(uses[config]?.[trainer]?.columns ?? {})],
        to,
      )
    }
  }
})

test('an export of what a trainer cannot read, or must not, is refused with the reason', async () => {
  const manifest = join(built.out, 'manifest.json')
  const refused = (trainer: Trainer, configs: string[], out: string, message: RegExp) =>
    assert.rejects(exportDataset(manifest, { trainer, configs, out }), { code: 'config', message })
  await refused('verl', ['sft'], join(folder, 'x'), /Nothing to write for verl: sft: verl does not read it/)
  await refused('trl', ['dpo_pivotal'], join(folder, 'x'), /there is no config dpo_pivotal/)
  await refused('trl', [], built.out, /is not empty/)
  const ended = await fulcrum([
    'export',
    built.out,
    '--for',
    'verl',
    '--config',
    'kto',
    '--out',
    join(folder, 'x'),
  ])
  assert.deepEqual([ended.code, ended.stderr.includes('It reads grpo of this dataset.')], [2, true])
})

interface Step {
  readonly loss: number
  readonly moved: boolean
  readonly rows: Record<
    'input_ids' | 'prompt_ids' | 'completion_ids' | 'chosen_ids' | 'rejected_ids',
    number[]
  >[]
  readonly rewarded: [string, string]
}

test(
  "TRL's trainers take a step on every config, on exactly the ids that we wrote",
  { skip: noTrainers },
  async () => {
    const { out, tokenizer } = built
    const args = [script('trl_steps.py'), out, locate('datasets/models/student')]
    const env = { ...process.env, HF_HUB_OFFLINE: '1', HF_DATASETS_CACHE: join(folder, 'cache') }
    const run = spawnSync(trainers, args, { encoding: 'utf8', env, maxBuffer: 1 << 26 })
    assert.equal(run.status, 0, run.stderr.slice(-2000))
    const steps = JSON.parse(run.stdout.slice(run.stdout.indexOf('RESULT') + 6)) as Record<string, Step>
    for (const [config, { loss, moved }] of Object.entries(steps)) {
      assert.ok(Number.isFinite(loss), config)
      // Rewards of one group may be equal: then there is no gradient.
      if (config !== 'grpo') assert.ok(moved, config)
    }
    assert.deepEqual(Object.keys(steps).sort(), [
      'dpo_branch',
      'dpo_branch_text',
      'dpo_full',
      'grpo',
      'kto',
      'sft',
      'sft_text',
    ])
    let at = 0
    for await (const row of readParquet(join(out, 'data/sft_text/train-00000-of-00002.parquet'))) {
      if (at >= 2) break
      const [prompt, completion] = [row['prompt_ids'] as number[], row['completion_ids'] as number[]]
      assert.deepEqual(steps.sft_text?.rows[at]?.input_ids, [...prompt, ...completion])
      assert.deepEqual(steps.sft?.rows[at]?.input_ids, [...prompt, ...completion])
      for (const config of ['dpo_full', 'dpo_branch', 'dpo_branch_text']) {
        const {
          prompt_ids: before,
          chosen_ids: chosen,
          rejected_ids: rejected,
        } = steps[config]?.rows[at] ?? {}
        assert.deepEqual(before, prompt, config)
        for (const side of [chosen ?? [], rejected ?? []]) {
          assert.deepEqual(
            side.indexOf(tokenizer.eos.id),
            side.length - 1,
            `${config}: one end token, at the end`,
          )
        }
      }
      at++
    }
    const [solution, answer] = steps.grpo?.rewarded ?? []
    assert.equal(solution, `$${answer ?? ''}$`)
  },
)
