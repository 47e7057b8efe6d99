import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { wilson } from '../../src/statistics/estimate.ts'
import { evaluate, type ProblemResult, readEvaluationProblems } from '../../src/train/evaluate.ts'
import { compare, passCurve, passRates } from '../../src/train/pass-rates.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 20, seed: 0 }

function result(
  id: string,
  successes: number,
  trials: number,
  carried: Record<string, string> = {},
): ProblemResult {
  const completions: ProblemResult['completions'] = []
  return { id, correct: successes > 0, verdict: 'equal', passed: { successes, trials }, completions, carried }
}

function problemFile(lines: readonly object[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'fulcrum-problems-')), 'problems.jsonl')
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return path
}

test('problems carry the columns asked for and those of decontamination, and nothing else', async () => {
  const path = problemFile([
    { id: 'a', problem: 'p', answer: '1', family: 'x', decon_status: 'clean', decon_ratio7: 0.1, note: 'n' },
    {
      id: 'b',
      question: 'q',
      answer: 'so #### 2',
      family: 'y',
      decon_status: 'partial',
      decon_benchmark: null,
    },
  ])
  const [first, second] = await readEvaluationProblems(path, ['family'])
  assert.deepEqual(first?.carried, { family: 'x', decon_status: 'clean', decon_ratio7: '0.1' })
  assert.deepEqual([second?.problem, second?.answer], ['q', '2'])
  assert.deepEqual(second?.carried, { family: 'y', decon_status: 'partial' })
  await assert.rejects(readEvaluationProblems(path, ['domain']), {
    message: `${path}: a problem has no domain`,
    hint: 'Group by a column that all have: family, decon_status, decon_ratio7, note.',
  })
  await assert.rejects(
    readEvaluationProblems(problemFile([{ problem: 'p' }])),
    /:1: column answer is missing/,
  )
})

test('every completion is verified and kept; one that is cut off fails, whatever it says', async () => {
  const model = scriptedModel({
    complete: (_prompt, i) => ({
      text: i === 0 ? '#### 5' : '#### 4',
      finishReason: i === 2 ? 'length' : 'stop',
    }),
  })
  const problems = [{ id: 'a', problem: '2 + 2?', answer: '4' }]
  const { results, passed, truncated } = await evaluate({
    model,
    problems,
    verifier: numericAnswer,
    samples: 4,
    ...sampler,
  })
  assert.deepEqual(passed, { successes: 2, trials: 4 })
  assert.equal(truncated, 1)
  assert.deepEqual(
    results[0]?.completions.map(({ verdict }) => verdict),
    ['different', 'equal', 'equal', 'equal'],
  )
  assert.equal(results[0].correct, false)
})

test('pass rates come by group, with those of decontamination always, and Wilson with one completion', () => {
  const some = [
    result('a', 1, 1, { family: 'x', decon_status: 'clean' }),
    result('b', 0, 1, { family: 'y', decon_status: 'clean' }),
    result('c', 1, 1, { family: 'y', decon_status: 'partial' }),
  ]
  const groups = passRates(some, [1], ['family'])
  assert.deepEqual(
    groups.map(({ name, problems, rates }) => [name, problems, rates[0]?.rate] as const),
    [
      ['all', 3, 2 / 3],
      ['family=x', 1, 1],
      ['family=y', 2, 0.5],
      ['decon_status=clean', 2, 0.5],
      ['decon_status=partial', 1, 1],
    ],
  )
  const { low, high } = wilson({ successes: 2, trials: 3 })
  const interval = groups[0]?.rates[0]?.interval
  assert.ok(Math.abs((interval?.low ?? 0) - low) < 1e-12 && Math.abs((interval?.high ?? 0) - high) < 1e-12)
  assert.deepEqual(
    passRates([result('a', 1, 4), result('b', 0, 4)], [1, 2, 4], [])[0]?.rates.map(({ rate }) => rate),
    [0.125, 0.25, 0.5],
  )
})

test('a comparison pairs problems, and refuses evaluations that are no pair', () => {
  const before = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => result(id, 1, 4))
  const after = before.map(({ id }) => result(id, 3, 4))
  const [all] = compare(before, after, [1], [])
  assert.ok(Math.abs((all?.differences[0]?.difference ?? 0) - 0.5) < 1e-12)
  assert.equal(all?.p_value, 2 / 64)
  assert.throws(
    () => compare(before.slice(1), after, [1], []),
    /Problem a has 4 completions after and none before/,
  )
  assert.throws(() => compare(before, [result('a', 1, 2)], [1], []), /2 completions after and 4 before/)
})

test('a name in the curve stays text', () => {
  const svg = passCurve([{ name: '<script>"&', results: [result('a', 1, 2), result('b', 2, 2)] }])
  assert.match(svg, /^<svg/)
  assert.ok(!svg.includes('<script') && svg.includes('&#60;script&#62;&#34;&#38;'))
})
