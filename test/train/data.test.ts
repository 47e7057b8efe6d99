import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { openBackend } from '../../src/nn/backend.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { openExamples, openPairs } from '../../src/train/data.ts'
import { sideLogProbs } from '../../src/train/dpo.ts'
import { referencesOf } from '../../src/train/reference.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'
import { writeDataset } from './dataset.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-data-'))
await writeByteTokenizer(folder)
const tokenizer = await loadTokenizer(folder)
const model = tinyCheckpoint('llama', { vocabSize: 300, maxPositions: 24 })
const learner = { tokenizer, config: model.config }
const fresh = (): string => mkdtempSync(join(folder, 'set-'))
const source = (manifest: string, config: string) => ({ manifest, config, out: join(folder, 'out') })

const sftRow = (prompt: string, completion: string, more: object = {}) => ({
  prompt,
  completion,
  prompt_ids: tokenizer.encode(prompt),
  completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
  ...more,
})
const pair = (prompt: number[], chosen: number[], rejected: number[], more: object = {}) => ({
  prompt_ids: prompt,
  chosen_ids: chosen,
  rejected_ids: rejected,
  ...more,
})

test('examples come by their exact ids with their shard and row; what is too long is counted, never cut', async () => {
  const long = 'x'.repeat(30)
  const manifest = await writeDataset(fresh(), 'sft_text', [
    [sftRow('1+1=', '2'), sftRow(long, '3'), sftRow('a', 'b', { completion_ids: null })],
    [sftRow('b', long), sftRow('2+2=', '4')],
  ])
  const items = await openExamples(source(manifest, 'sft_text'), learner)
  assert.equal(items.count, 3)
  assert.deepEqual(items.counted, {
    "dropped: longer than the model's 24 positions": 2,
    'encoded from text': 1,
  })
  const [last, first] = await items.read([2, 0])
  assert.deepEqual(first?.item, {
    promptIds: tokenizer.encode('1+1='),
    completionIds: [...tokenizer.encode('2'), tokenizer.eos.id],
  })
  assert.equal(last?.place, 'data/sft_text/train-00001.parquet row 1')
  const [encoded] = await items.read([1])
  assert.deepEqual(encoded?.item.completionIds, [...tokenizer.encode('b'), tokenizer.eos.id])
})

test('pairs keep exactly their ids: no end token, no beginning token', async () => {
  const manifest = await writeDataset(fresh(), 'dpo_pivotal', [
    [pair([7, 8, 9], [10], [11]), pair([7], [10, 12], [11, 12, 13]), pair([7], [10], [10])],
  ])
  const items = await openPairs(source(manifest, 'dpo_pivotal'), learner)
  assert.deepEqual(items.counted, { 'dropped: both sides are the same': 1 })
  assert.deepEqual(
    (await items.read([0, 1])).map(({ item }) => item),
    [
      { promptIds: [7, 8, 9], chosenIds: [10], rejectedIds: [11] },
      { promptIds: [7], chosenIds: [10, 12], rejectedIds: [11, 12, 13] },
    ],
  )
})

test('another tokenizer, another chat template, an unknown id and a missing side are refused with their row', async () => {
  const mine = { tokenizer_sha256: tokenizer.sha256, chat_template_sha256: tokenizer.chatTemplateSha256 }
  const other = 'f'.repeat(64)
  const refusals = [
    [
      pair([7], [8], [9], { ...mine, tokenizer_sha256: other }),
      /row 1 was made with another tokenizer \(ffff/,
    ],
    [
      pair([7], [8], [9], { ...mine, chat_template_sha256: other }),
      /row 1 was made with another chat template/,
    ],
    [pair([7], [300], [9], mine), /row 1 has token id 300, the model has 300 tokens/],
    [pair([7], [], [9], mine), /row 1 has no chosen_ids/],
  ] as const
  for (const [row, says] of refusals) {
    const manifest = await writeDataset(fresh(), 'dpo_pivotal', [[pair([7], [8], [9], mine), row]])
    await assert.rejects(openPairs(source(manifest, 'dpo_pivotal'), learner), says)
  }
  const manifest = await writeDataset(fresh(), 'sft_text', [[sftRow('a', 'b', { tokenizer_sha256: other })]])
  await assert.rejects(
    openExamples(source(manifest, 'sft_text'), learner),
    /row 0 was made with another tokenizer/,
  )
})

test('a shard is checked every time, and a token file that changed is made again', async () => {
  const set = fresh()
  const manifest = await writeDataset(set, 'sft_text', [[sftRow('1+1=', '2'), sftRow('2+2=', '4')]])
  const open = () => openExamples(source(manifest, 'sft_text'), learner)
  const before = await open()
  const cached = join(set, '.cache', readdirSync(join(set, '.cache'))[0] as string, 'items.ids')
  const bytes = readFileSync(cached)
  writeFileSync(cached, Buffer.alloc(bytes.length))
  const after = await open()
  assert.equal(after.id, before.id)
  assert.deepEqual(readFileSync(cached), bytes)

  const shard = join(set, 'data/sft_text/train-00000.parquet')
  const altered = readFileSync(shard)
  altered[altered.length >> 1] = (altered[altered.length >> 1] as number) ^ 1
  writeFileSync(shard, altered)
  await assert.rejects(open, /train-00000\.parquet is not the file its manifest names/)
})

test('the reference is asked once, for this model and these pairs, and a broken file of it is not believed', async () => {
  const set = fresh()
  const rows = Array.from({ length: 20 }, (_, i) => pair([7, 8 + i], [10], [11 + (i % 3), 12]))
  const manifest = await writeDataset(set, 'dpo_pivotal', [rows.slice(0, 9), rows.slice(9)])
  const backend = await openBackend('wasm')
  const items = await openPairs(source(manifest, 'dpo_pivotal'), learner)
  let asked = 0
  const referred = (modelId: string) =>
    referencesOf(
      backend,
      { model, modelId, options: { out: folder } as never },
      items,
      (network, pairs) => ((asked += pairs.length), sideLogProbs(network, pairs)),
    )
  const first = await (await referred('a')).read([3, 19])
  assert.equal(asked, 20)
  assert.deepEqual(await (await referred('a')).read([3, 19]), first)
  assert.equal(asked, 20, 'kept beside the pairs')
  await referred('b')
  assert.equal(asked, 40, 'another model is asked itself')

  const cache = items.cacheFolder as string
  const kept = readdirSync(cache).filter((file) => file.startsWith('reference-'))
  assert.equal(kept.length, 2)
  for (const file of kept) {
    const bytes = readFileSync(join(cache, file))
    bytes[5] = (bytes[5] as number) ^ 1
    writeFileSync(join(cache, file), bytes)
  }
  assert.deepEqual(await (await referred('a')).read([3, 19]), first)
  assert.equal(asked, 60)
})
