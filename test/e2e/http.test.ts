import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { readManifest } from '../../src/store/manifest.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { fulcrum } from './command.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = await mkdtemp(join(tmpdir(), 'fulcrum-e2e-http-'))
after(() => rm(folder, { recursive: true, force: true }))

/** Problems in the shape of GSM8K, ours: worked steps with calculator marks, `#### answer`. */
const problems = Array.from({ length: 10 }, (_, i) => {
  const [boxes, each, lost] = [i + 3, 2 * i + 5, i + 1]
  return {
    question:
      `Farmer number ${i} packs ${boxes} crates with ${each} pears in every crate and then gives ${lost} pears away. ` +
      'How many pears does the farmer still have?',
    answer:
      `${boxes}*${each}=<<${boxes}*${each}=${boxes * each}>>${boxes * each} pears are packed\n` +
      `${boxes * each}-${lost}=<<${boxes * each}-${lost}=${boxes * each - lost}>>${boxes * each - lost} are left\n` +
      `#### ${boxes * each - lost}`,
  }
})
const leaked = [2, 7]

test('problems in the shape of GSM8K run through with both models behind a server process', async () => {
  const [file, benchmark] = [join(folder, 'problems.jsonl'), join(folder, 'benchmark.jsonl')]
  await writeFile(file, jsonl(problems))
  await writeFile(
    benchmark,
    jsonl(leaked.map((i) => ({ problem: problems[i]?.question, solution: '', answer: '0' }))),
  )
  const tokenizer = join(folder, 'tokenizer')
  const { url, stop } = await startServer(['--gsm8k', file, '--tokenizer', tokenizer])
  try {
    const run = await fulcrum(
      ['run', 'quickstart', '--problems', file, '--against', benchmark, '--out', join(folder, 'out')].concat(
        ['--teacher', `${url}#teacher`, '--student', `${url}#student`, '--tokenizer', tokenizer],
        ['--max-tokens', '200', '--teacher-temperature', '0'],
      ),
    )
    assert.equal(run.code, 0, run.stderr)
    assert.doesNotMatch(run.stderr, /Warning/)
  } finally {
    await stop()
  }
  const manifest = await readManifest(join(folder, 'out', 'manifest.json'))
  assert.deepEqual(
    manifest.models.map(({ id }) => id),
    ['http:teacher', 'http:student'],
  )
  const contaminated = manifest.removed.by_reason.filter(({ stage }) => stage === 'decontaminate-problem')
  assert.deepEqual(
    contaminated.map(({ reason }) => reason),
    ['contaminated (13-gram): benchmark item 1', 'contaminated (13-gram): benchmark item 2'],
  )
  const rows = problems.length - leaked.length
  assert.equal(manifest.configs.sft_text?.rows, rows)

  const pairs: Record<string, unknown>[] = []
  for (const { file: shard } of manifest.configs.dpo_pivotal?.shards ?? []) {
    for await (const row of readParquet(join(folder, 'out', shard))) pairs.push(row)
  }
  // The student's solutions are decided by the first digit of one result each: right .5, wrong .5.
  assert.ok(pairs.length >= rows / 2, `${pairs.length} pairs of ${rows} problems`)
  for (const { chosen, rejected, prob_chosen, prob_rejected } of pairs) {
    assert.match(`${String(chosen)}${String(rejected)}`, /^\d\d$/)
    assert.ok((prob_chosen as number) > (prob_rejected as number))
  }

  const refilter = ['refilter', join(folder, 'out/manifest.json'), '--low', '0.3', '--high', '0.7']
  const cut = await fulcrum([...refilter, '--out', join(folder, 'narrower')])
  assert.equal(cut.code, 0, cut.stderr)
  assert.match(cut.stdout, new RegExp(`^rows of pass_rates with a pass rate +${rows}\n`))
})

const jsonl = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

async function startServer(args: readonly string[]): Promise<{ url: string; stop: () => Promise<void> }> {
  const script = join(root, 'test/fixtures/openai-server.ts')
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return {
    url: line.trim(),
    stop: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}
