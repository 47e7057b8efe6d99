import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-tokenizer-'))
after(() => rm(folder, { recursive: true }))

async function change(file: string, parts: object): Promise<void> {
  const path = join(folder, file)
  const json = JSON.parse(await readFile(path, 'utf8')) as object
  await writeFile(path, JSON.stringify({ ...json, ...parts }))
}

test('a token that a tokenizer puts before every text is known, and never added here', async () => {
  await writeByteTokenizer(folder)
  assert.equal((await loadTokenizer(folder)).addedBos, null)
  await change('tokenizer_config.json', { bos_token: '<|user|>' })
  assert.equal((await loadTokenizer(folder)).addedBos, null, 'it has a BOS and does not add it')
  await change('tokenizer.json', {
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<|user|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }],
      special_tokens: { '<|user|>': { id: '<|user|>', ids: [1], tokens: ['<|user|>'] } },
    },
  })
  const tokenizer = await loadTokenizer(folder)
  assert.equal(tokenizer.addedBos, '<|user|>')
  assert.equal(tokenizer.decode(tokenizer.encode('x')), 'x')
})
