import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { digests, fulcrum, start } from './command.ts'

// From problems to trained models with the embedded teacher and student: the whole road, on few problems.

const datasets = resolve(import.meta.dirname, '../../datasets')
const student = join(datasets, 'models/student')
const folder = await mkdtemp(join(tmpdir(), 'fulcrum-e2e-train-'))
const manifest = join(folder, 'run/manifest.json')
after(() => rm(folder, { recursive: true, force: true }))

const lines = async (file: string, count: number): Promise<string> =>
  `${(await readFile(join(datasets, 'arithmetic', file), 'utf8')).split('\n').slice(0, count).join('\n')}\n`

before(async () => {
  await writeFile(join(folder, 'problems.jsonl'), await lines('problems.jsonl', 12))
  await writeFile(join(folder, 'development.jsonl'), await lines('development.jsonl', 40))
  const run = await fulcrum(
    ['run', 'quickstart', '--problems', 'problems.jsonl', '--out', 'run', '--rollouts', '32'],
    folder,
  )
  assert.equal(run.code, 0, run.stderr)
})

const train = (kind: 'sft' | 'dpo', out: string, ...more: string[]): string[] =>
  ['train', kind, '--data', manifest, '--model', student, '--out', join(folder, out)].concat(
    ['--backend', 'wasm', '--batch-size', '4', '--micro-batch-size', '4', '--warmup-steps', '1'],
    ['--checkpoint-every', '1'],
    more,
  )

test('dpo trains on the pairs, and killed at random moments ends with the same weights', async () => {
  const undisturbed = await fulcrum(train('dpo', 'dpo', '--epochs', '2'))
  assert.equal(undisturbed.code, 0, undisturbed.stderr)
  const made = await digests(join(folder, 'dpo'))
  const log = (await readFile(join(folder, 'dpo/log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { loss: number; margin: number })
  assert.ok(log.length >= 2)
  assert.ok((log.at(-1)?.margin ?? 0) > (log[0]?.margin ?? 0), 'the margin of the pairs grows')
  assert.match(await readFile(join(folder, 'dpo/loss.svg'), 'utf8'), /^<svg/)

  for (let kills = 0; kills < 3; kills++) {
    const run = start(train('dpo', 'killed', '--epochs', '2'))
    const timer = setTimeout(() => run.child.kill('SIGKILL'), 800 + Math.random() * 1500)
    await run.ended
    clearTimeout(timer)
  }
  const last = await fulcrum(train('dpo', 'killed', '--epochs', '2'))
  assert.equal(last.code, 0, last.stderr)
  const again = await digests(join(folder, 'killed'))
  assert.equal(again['model.safetensors'], made['model.safetensors'])

  const shown = await fulcrum([
    ...['evaluate', '--model', join(folder, 'dpo'), '--problems', join(folder, 'development.jsonl')],
    '--json',
  ])
  assert.equal(shown.code, 0, shown.stderr)
  const { passed } = JSON.parse(shown.stdout) as { passed: { successes: number; trials: number } }
  assert.equal(passed.trials, 40)
  assert.ok(passed.successes > 10 && passed.successes <= 40)
})

test('sft trains an adapter on a mixture, on two threads, and says its padding', async () => {
  const adapter = ['--lora-rank', '8', '--learning-rate', '1e-3', '--workers', '2']
  const mixture = train('sft', 'sft', '--data', `${manifest}=0.5`, '--epochs', '2', ...adapter)
  const { code, stdout, stderr } = await fulcrum(mixture)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^\d+ steps, loss [\d.]+, [\d.]+ % padding: /)
  const run = JSON.parse(await readFile(join(folder, 'sft/run.json'), 'utf8')) as {
    data: { epochs: number; examples: number }[]
  }
  assert.deepEqual(
    run.data.map(({ epochs }) => epochs),
    [2, 1],
  )
  const config = await readFile(join(folder, 'sft/adapter/adapter_config.json'), 'utf8')
  assert.equal((JSON.parse(config) as { r: number }).r, 8)
  const losses = (await readFile(join(folder, 'sft/log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss: number }).loss)
  assert.ok((losses.at(-1) as number) < (losses[0] as number), losses.join(' '))
})

test('a number that is none and a dataset that is not there are refused by name', async () => {
  for (const [data, says] of [
    [`${manifest}=no`, /--data ".*manifest\.json=no" names no manifest with a positive number/],
    ['gone/manifest.json', /There is no file gone\/manifest\.json/],
  ] as const) {
    const { code, stderr } = await fulcrum(train('sft', 'refused', '--data', data), folder)
    assert.equal(code, 2)
    assert.match(stderr, says)
  }
})

test('a shard that is not what the manifest says is not trained on', async () => {
  await cp(join(folder, 'run'), join(folder, 'altered'), { recursive: true })
  const shard = join(folder, 'altered/data/dpo_pivotal/train-00000-of-00001.parquet')
  const bytes = await readFile(shard)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
  await writeFile(shard, bytes)
  const args = train('dpo', 'from-altered').map((arg) =>
    arg === manifest ? join(folder, 'altered/manifest.json') : arg,
  )
  const { code, stderr } = await fulcrum(args)
  assert.equal(code, 2, stderr)
  assert.match(stderr, /train-00000-of-00001\.parquet/)
})
