import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Message } from '../../src/model/model.ts'
import { loadCheckpoint } from '../../src/nn/checkpoint.ts'
import { locate } from '../../src/store/bundled.ts'
import { conversationIds } from '../../src/train/conversation.ts'
import { type Learner, openExamples, openPairs, readProblemRows } from '../../src/train/data.ts'
import { templates, tokenizerWith } from '../record/templates.ts'
import type { Items } from '../../src/train/items.ts'
import { buildEveryConfig } from './dataset.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-trainers-'))
after(() => rm(folder, { recursive: true }))
let manifest = ''
let learner: Learner
before(async () => {
  const { out, tokenizer } = await buildEveryConfig(folder)
  manifest = join(out, 'manifest.json')
  const { config } = await loadCheckpoint(locate('datasets/models/student'))
  learner = { tokenizer, config }
})

const source = (config: string) => ({ manifest, config, out: folder })

async function itemsOf<Item>(items: Items<Item>): Promise<Item[]> {
  return (await items.read(Array.from({ length: items.count }, (_, i) => i))).map(({ item }) => item)
}

test('our own SFT reads sft as it reads sft_text: the same ids', async () => {
  const texts = await openExamples(source('sft_text'), learner)
  const spoken = await openExamples(source('sft'), learner)
  assert.equal(spoken.count, 8)
  assert.deepEqual(await itemsOf(spoken), await itemsOf(texts))
})

test('our own DPO reads whole conversations and branches alike, each side with one end token', async () => {
  const whole = await openPairs(source('dpo_full'), learner)
  const branches = await openPairs(source('dpo_branch'), learner)
  assert.equal(whole.count, 8)
  const end = learner.tokenizer.eos.id
  const items = await itemsOf(whole)
  assert.deepEqual(items, await itemsOf(branches))
  for (const item of items) {
    for (const side of [item.chosenIds, item.rejectedIds]) assert.equal(side.indexOf(end), side.length - 1)
  }
})

test('our own GRPO reads the prompts of grpo and rewards by their answers', async () => {
  const problems = await readProblemRows(manifest, 'grpo')
  assert.deepEqual([problems.length, problems[0]?.id], [8, 'p0'])
  assert.ok(problems.every(({ problem, answer }) => problem.length > 20 && /^-?\d/.test(answer)))
})

test('what a template puts behind the end token is not trained, and one that changes the answer is refused', async () => {
  const messages: Message[] = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: '<think>\nb\n</think>\nc' },
  ]
  const lines = await tokenizerWith(templates.plain.replaceAll('<|end|>', '<|end|>\n'))
  const { completionIds } = conversationIds(lines, messages, 'row 1')
  assert.ok(lines.decode(completionIds).endsWith('<|end|>'))
  const strips = await tokenizerWith(templates.strips)
  assert.throws(() => conversationIds(strips, messages, 'row 1'), {
    code: 'train',
    message: /row 1 does not survive the model's chat template/,
    hint: /sft_text/,
  })
})
