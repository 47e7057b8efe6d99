import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../../src/model/scripted.ts'
import { pairByScore } from '../../../src/stages/compose/pair-by-score.ts'
import { pairByVerifier } from '../../../src/stages/compose/pair-by-verifier.ts'
import { sampleCandidates } from '../../../src/stages/compose/sample-candidates.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import { runStage } from '../run-stage.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 50 }
const problem = { id: 'p', problem: 'How many?', answer: '4' }

test('candidates are the different answers that ended, with who wrote them', async () => {
  const a = scriptedModel({ id: 'a', complete: ['one', 'one', { text: 'two', finishReason: 'length' }] })
  const b = scriptedModel({ id: 'b', complete: ['one', ' ', 'three'] })
  const stage = sampleCandidates({ models: [a, b], samples: 3, ...sampler })
  const { kept, counters } = await runStage(stage, [problem])
  assert.deepEqual(
    [kept[0]?.candidates, kept[0]?.candidate_models],
    [
      ['one', 'three'],
      ['a', 'b'],
    ],
  )
  assert.equal(counters['candidates with the same text as another'], 2)
  assert.equal(counters['candidates truncated at the token limit'], 1)
  assert.equal(counters['empty candidates'], 1)
  assert.throws(() => sampleCandidates({ models: [a], samples: 1, ...sampler }), /1 models with 1 samples/)
})

test('a right answer is paired with the unused wrong one nearest in length', async () => {
  const candidates = [
    'long '.repeat(9) + '#### 5',
    '#### 4',
    '#### 6',
    'nobody knows',
    `${'long '.repeat(8)}#### 4`,
  ]
  const row = { ...problem, candidates, candidate_models: candidates.map((_, i) => `m${i}`) }
  const { kept, dropped, counters } = await runStage(pairByVerifier({ verifier: numericAnswer, pairs: 5 }), [
    row,
  ])
  assert.deepEqual(
    kept.map(({ chosen_model: chosen, rejected_model: rejected, n_correct: n }) => [chosen, rejected, n]),
    [
      ['m1', 'm2', 2],
      ['m4', 'm0', 2],
    ],
  )
  assert.deepEqual(dropped, [])
  assert.equal(counters['candidates without a readable answer'], 1)
})

test('of scored answers the best goes over the worst; of equals the first; unscored ones are in no pair', async () => {
  const row = (...scores: number[]) => ({
    ...{ ...problem, judge_id: 'judge:j', candidate_scores: scores },
    candidates: scores.map((_, i) => `c${i}`),
    candidate_models: scores.map(() => 'm'),
  })
  const rows = [row(5, 8, 8, 0, 5), row(7, 6), row(4, 1), row(0, 9)]
  const { kept, dropped } = await runStage(pairByScore({ gap: 2, least: 6 }), rows)
  assert.deepEqual(
    kept.map((pair) => [
      pair.chosen_completion,
      pair.rejected_completion,
      pair.chosen_score,
      pair.rejected_score,
    ]),
    [['c1', 'c0', 8, 5]],
  )
  assert.deepEqual(
    dropped.map(({ reason }) => reason),
    ['scores nearer than 2', 'no good answer: best score under 6', 'under two answers with a score'],
  )
})
