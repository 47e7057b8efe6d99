import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import { startOpenAiServer } from '../fixtures/openai-server.ts'
import { fulcrum, problemLines } from './command.ts'

// Every case is the real command line in a process of its own: what a user sees, and the exit code a script sees.
// Mistakes in flags, malformed lines, an empty result and a full disk are in test/cli/commands.test.ts.

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-bad-'))
const student = resolve(import.meta.dirname, '../../datasets/models/student')
const input = join(folder, 'problems.jsonl')
await writeFile(input, problemLines(4))
const server = await startOpenAiServer({
  models: ['small'],
  apiKey: 'right',
  complete: () => ({ text: '1' }),
})
after(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

async function refused(args: readonly string[], says: RegExp, hint: RegExp): Promise<void> {
  const out = join(folder, 'out')
  const { code, stdout, stderr } = await fulcrum([...args, '--out', out], folder)
  assert.equal(code, 2, stdout + stderr)
  assert.match(stderr, says)
  assert.match(stderr, hint)
  assert.doesNotMatch(stderr, /\n +at /, 'an error is no stack trace')
  const left = await readdir(out).catch(() => [])
  assert.deepEqual(left, [], 'nothing is left behind')
}

const quickstart = (...more: string[]): string[] => ['run', 'quickstart', '--problems', input, ...more]

test('a missing problem file', () =>
  refused(['run', 'quickstart', '--problems', 'gone.jsonl'], /gone\.jsonl/, /path/i))

test('a missing benchmark file', () =>
  refused(quickstart('--against', 'gone-benchmark.jsonl'), /gone-benchmark\.jsonl/, /path|name|check/i))

test('problems without the column that holds the answer', async () => {
  const file = join(folder, 'no-answers.jsonl')
  await writeFile(file, '{"problem":"What is 1 + 1?"}\n{"problem":"What is 2 + 2?"}\n')
  const { code, stderr } = await fulcrum(
    ['run', 'quickstart', '--problems', file, '--out', join(folder, 'no-answers')],
    folder,
  )
  assert.equal(code, 2, stderr)
  assert.match(stderr, /answer/)
})

test('a server that is not there', async () => {
  const placeholder = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => placeholder.once('listening', done))
  const { port } = placeholder.address() as AddressInfo
  await new Promise((done) => placeholder.close(done))
  await refused(
    quickstart('--teacher', `http://127.0.0.1:${port}/v1#small`),
    new RegExp(`127\\.0\\.0\\.1:${port}`),
    /start|running|reach/i,
  )
})

test('a key that the server refuses', () =>
  refused(quickstart('--teacher', `${server.url}#small`), /401|key/, /OPENAI_API_KEY|key/))

test('a model that the server does not have', async () => {
  const open = await startOpenAiServer({ models: ['small'], complete: () => ({ text: '1' }) })
  try {
    await refused(quickstart('--teacher', `${open.url}#large`), /large/, /small|model/)
  } finally {
    await open.close()
  }
})

test('a URL without a model', () =>
  refused(quickstart('--teacher', server.url), /names no model/, /#model-name/))

test('a model folder with a missing and a misshapen tensor', async () => {
  const broken = join(folder, 'broken')
  const checkpoint = await loadCheckpoint(student)
  const weights = new Map(checkpoint.weights)
  weights.delete('model.layers.1.mlp.up_proj.weight')
  weights.set('model.norm.weight', { shape: [2], data: Float32Array.of(1, 1) })
  await saveCheckpoint(broken, { ...checkpoint, weights }, { tokenizerFrom: student })
  await refused(
    quickstart('--student', broken),
    /model\.layers\.1\.mlp\.up_proj\.weight[^]*model\.norm\.weight/,
    /./,
  )
})

test('a model folder with a cut weight file', async () => {
  const cut = join(folder, 'cut')
  await cp(student, cut, { recursive: true })
  const bytes = await readFile(join(cut, 'model.safetensors'))
  await writeFile(join(cut, 'model.safetensors'), bytes.subarray(0, 100_000))
  await refused(quickstart('--student', cut), /model\.safetensors/, /./)
})

test('a model folder that is none', () => refused(quickstart('--student', folder), /config\.json/, /./))

test('a cap of tokens where only local models are asked, whose tokens it does not count', () =>
  refused(
    quickstart('--max-tokens-total', '20000'),
    /cap of 20000 tokens would count nothing/,
    /--max-rollouts/,
  ))

test('a gap of nothing, and a verifier that needs a model the recipe cannot be given', async () => {
  await refused(quickstart('--gap', '0'), /--gap 0: .*>0/, /--help/)
  await refused(quickstart('--verifier', 'judge'), /--verifier "judge": .*"numeric"/, /--help/)
})

test('training on a manifest that is not there', () =>
  refused(['train', 'dpo', '--data', 'gone.json', '--model', student], /gone\.json/, /./))

test('evaluating a model that is not there', async () => {
  const good = join(folder, 'good.jsonl')
  await writeFile(good, '{"question":"What is 1 + 1?","answer":"One more.\\n#### 2"}\n')
  const { code, stderr } = await fulcrum(['evaluate', '--model', 'gone', '--problems', good], folder)
  assert.equal(code, 2, stderr)
  assert.match(stderr, /gone/)
})
