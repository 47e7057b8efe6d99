import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { openVerifier } from '../../src/verify/open.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { sglangServer } from '../fixtures/dialects.ts'
import { startOpenAiServer, type TestServer } from '../fixtures/openai-server.ts'
import type { Template } from '../stages/template-policy.ts'
import { ferryTrips, largestFraction } from '../stages/templates.ts'
import { fulcrum } from './command.ts'
import { byBytes, fillings } from './template-bytes.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-verifiers-'))
let server: TestServer
before(async () => {
  await writeByteTokenizer(join(folder, 'tokenizer'))
  const tokenizer = await loadTokenizer(join(folder, 'tokenizer'))
  const next = byBytes(tokenizer, [ferryTrips, largestFraction])
  server = await startOpenAiServer(sglangServer({ tokenizer, next, deterministic: true }))
})
after(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

interface Pair {
  readonly question_id: string
  readonly prompt: string
  readonly chosen: string
  readonly rejected: string
  readonly prob_chosen: number
  readonly prob_rejected: number
  readonly verifier_id: string
}

/** The quickstart over these problems, the policy its own teacher: the pairs it certifies, and what it printed. */
async function pairsOf(verifier: string, templates: readonly Template[]) {
  const [problems, out] = [join(folder, `${verifier}.jsonl`), join(folder, verifier)]
  const rows = templates.map(({ problem, answer }, i) => JSON.stringify({ id: `q${i}`, problem, answer }))
  await writeFile(problems, `${rows.join('\n')}\n`)
  const policy = `${server.url}#policy`
  // Every problem has a right trace among its samples, and none is kept out by a gate that measures it with few rollouts.
  const sampling = ['--samples', '6', '--teacher-temperature', '1', '--max-tokens', '400']
  const { code, stdout, stderr } = await fulcrum([
    ...['run', 'quickstart', '--problems', problems, '--verifier', verifier, '--out', out, ...sampling],
    ...['--teacher', policy, '--student', policy, '--tokenizer', join(folder, 'tokenizer')],
    ...['--mode', 'thorough', '--low', '0.05', '--high', '0.95'],
  ])
  assert.equal(code, 0, stderr)
  const pairs: Pair[] = []
  const { configs } = await readManifest(join(out, 'manifest.json'))
  for (const { file } of configs.dpo_pivotal?.shards ?? [])
    for await (const row of readParquet(join(out, file))) pairs.push(row as unknown as Pair)
  return { pairs, stdout }
}

/** True success probability of a policy that has written this much. */
async function truthOf(verifier: Verifier, template: Template): Promise<(written: string) => number> {
  const { problem, answer } = template
  const all = await Promise.all(
    fillings(template).map(async ([text, p]) => {
      const { verdict } = await verifier.verify(text, answer, problem)
      return { text, p, right: verdict === 'equal' }
    }),
  )
  return (written) => {
    const open = all.filter(({ text }) => text.startsWith(written))
    const sum = (of: typeof open): number => of.reduce((total, { p }) => total + p, 0)
    return sum(open.filter(({ right }) => right)) / sum(open)
  }
}

/** Runs the pipeline and holds its pairs against the truth: every problem has one, and the chosen side is the better by the gap. */
async function certifies(name: string, templates: readonly Template[]): Promise<void> {
  const verifier = await openVerifier(name)
  try {
    const { pairs, stdout } = await pairsOf(name, templates)
    for (const [i, template] of templates.entries()) {
      const own = pairs.filter(({ question_id: id }) => id === `q${i}`)
      assert.ok(own.length > 0, `no pair of problem ${i}`)
      const truth = await truthOf(verifier, template)
      for (const { prompt, chosen, rejected, ...pair } of own) {
        const [, written = ''] = prompt.split('<|assistant|>')
        const [better, worse] = [truth(written + chosen), truth(written + rejected)]
        assert.ok(better - worse >= 0.2, `${written}: ${chosen} ${better}, ${rejected} ${worse}`)
        assert.ok(Math.abs(pair.prob_chosen - better) < 0.2 && Math.abs(pair.prob_rejected - worse) < 0.2)
        assert.equal(pair.verifier_id, verifier.id)
      }
    }
    assert.match(stdout, /^cached prompt tokens \d+ % of [\d.]+K?$/m)
  } finally {
    await verifier.close?.()
  }
}

describe('a policy behind a server, from the command line to Parquet', { concurrency: true }, () => {
  test('pairs are certified by unit tests that run in QuickJS', () =>
    certifies('code-javascript', [ferryTrips]))

  test('pairs are certified by multiple choice', () => certifies('choice', [largestFraction]))
})
