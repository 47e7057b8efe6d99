import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scriptedModel } from '../../src/model/scripted.ts'
import { uncertaintyOf, withinBudget } from '../../src/stages/teachable/budget.ts'
import { proxyTruth } from '../../src/stages/teachable/proxy-truth.ts'
import { rateReasoning } from '../../src/stages/teachable/rate-reasoning.ts'
import { selectByGain, type SelectByGainOptions } from '../../src/stages/teachable/select-by-gain.ts'
import { teachableScore } from '../../src/stages/teachable/teachable-score.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'
import { runStage } from './run-stage.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 60 }
const problem = (id: string, text = 'What is 1 + 1?') => ({ id, problem: text })

test("a strong model's plurality becomes the answer where its share reaches the floor", async () => {
  const said: Record<string, string[]> = {
    clear: ['#### 2', 'The answer is 2.0.', '#### 2', '#### 3'],
    torn: ['#### 1', '#### 2', '#### 3', '#### 3'],
  }
  const model = scriptedModel({
    complete: (prompt, i) => said[JSON.stringify(prompt).includes('clear') ? 'clear' : 'torn']?.[i] as string,
  })
  const stage = proxyTruth({ model, verifier: numericAnswer, samples: 4, least: 0.6, ...sampler })
  const { kept, dropped } = await runStage(stage, [problem('a', 'clear'), problem('b', 'torn')])
  assert.deepEqual(
    kept.map(({ id, answer, plurality_share: share, n_answers: n }) => [id, answer, share, n]),
    [['a', '2', 0.75, 2]],
  )
  assert.match(dropped[0]?.reason ?? '', /^answers disagree/)
  assert.equal(dropped[0]?.row.plurality_answer, '3')
  const beside = proxyTruth({ model, verifier: numericAnswer, samples: 4, asAnswer: false, ...sampler })
  assert.equal('answer' in beside.adds, false)
})

test('the score is strong agreement less weak agreement, and the floor is on it', async () => {
  const rows = [
    { id: 'a', plurality_share: 0.75, pass_rate: 0.25 },
    { id: 'b', plurality_share: 0.75, pass_rate: 0.7 },
  ]
  const { kept, dropped } = await runStage(teachableScore({ least: 0.1 }), rows)
  assert.deepEqual(kept, [{ ...rows[0], strong_agreement: 0.75, weak_agreement: 0.25, teachable_score: 0.5 }])
  assert.equal(dropped[0]?.reason, 'little to learn: score under 0.1')
  assert.throws(() => teachableScore({ least: 2 }), /least 2/)
})

test('a judge counts steps; a reply of another form is no rating, and is counted', async () => {
  const replies = [
    'steps: 4\ncomplexity: 3',
    '<think>two, maybe</think>\nSteps: 2\nComplexity: 1\n',
    'steps: 4\ncomplexity: 9',
    'I think steps: 4\ncomplexity: 3',
    'steps: 4, complexity: 3',
    '<think>steps: 4\ncomplexity: 3',
  ]
  const judge = scriptedModel({ id: 'j', complete: replies })
  const rows = replies.map((_, i) => problem(`${i}`))
  const stage = rateReasoning({ judge, leastSteps: 3, concurrency: 1 })
  const { kept, dropped, counters } = await runStage(stage, rows)
  assert.deepEqual(
    kept.map(({ n_steps: steps, complexity }) => [steps, complexity]),
    [
      [4, 3],
      [null, null],
      [null, null],
      [null, null],
      [null, null],
    ],
  )
  assert.equal(kept[0]?.rated_by, 'judge:j#steps/1')
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.n_steps, reason]),
    [[2, 'under 3 reasoning steps']],
  )
  assert.equal(counters.ratings_unparsed, 4)
  assert.equal(judge.calls[0]?.options.temperature, 0)
  const strict = rateReasoning({ judge: scriptedModel({ complete: ['?'] }), unparsed: 'drop' })
  assert.equal((await runStage(strict, [problem('p')])).dropped[0]?.reason, 'rating not readable')
})

const measured = (id: string, passRate: number, trials: number, topic = 'x') => ({
  ...{ id, pass_rate: passRate, n_rollouts: trials, topic },
})

test('the budget goes to the most uncertain, a domain takes no more than its quota, and rows keep their order', async () => {
  const rows = [
    measured('a', 0.25, 64),
    measured('b', 0.5, 64),
    measured('c', 0.5, 64),
    measured('d', 0.3, 64, 'y'),
    measured('e', 0, 8, 'y'),
  ]
  const idsOf = async (of: SelectByGainOptions) =>
    (await runStage(selectByGain(of), rows)).kept.map(({ id }) => id)
  assert.deepEqual(await idsOf({ rows: 3 }), ['b', 'c', 'd'])
  const quota = { column: 'topic', share: 0.5 }
  assert.deepEqual(await idsOf({ rows: 4, quota }), ['b', 'c', 'd', 'e'])
  const { dropped } = await runStage(selectByGain({ rows: 2 }), rows)
  assert.equal(dropped.length, 3)
  assert.equal(dropped[0]?.reason, 'beyond the budget of 2 rows')
  const scored = rows.map((row, i) => ({ ...row, teachable_score: i }))
  const { kept } = await runStage(selectByGain({ rows: 1, gain: 'score' }), scored)
  assert.equal(kept[0]?.id, 'e')
  await assert.rejects(runStage(selectByGain({ rows: 1, gain: 'score' }), rows), /no teachable_score/)
  assert.throws(() => selectByGain({ rows: 0 }), /a budget of 0 rows/)
})

test('uncertainty is the posterior mean of p (1 - p): most at a half, and no certainty after few rollouts', () => {
  assert.ok(Math.abs(uncertaintyOf({ successes: 0, trials: 0 }) - 1 / 8) < 1e-12)
  assert.ok(uncertaintyOf({ successes: 32, trials: 64 }) > uncertaintyOf({ successes: 13, trials: 64 }))
  assert.ok(uncertaintyOf({ successes: 0, trials: 8 }) > uncertaintyOf({ successes: 0, trials: 64 }))
})

test('a budget is spent as far as quotas allow, on no row worth less than one left out of the same domain', () => {
  const row = fc.record({
    teachable_score: fc.integer({ min: 0, max: 9 }),
    topic: fc.constantFrom('a', 'b', 'c'),
  })
  const share = fc.double({ min: 0.01, max: 1, noNaN: true })
  fc.assert(
    fc.property(
      fc.array(row, { maxLength: 30 }),
      fc.integer({ min: 1, max: 20 }),
      share,
      (rows, most, part) => {
        const budget = { rows: most, gain: 'score', quota: { column: 'topic', share: part } } as const
        const kept = withinBudget(rows, budget)
        const count = kept.filter(Boolean).length
        const room = Math.ceil(part * most)
        let possible = 0
        for (const topic of ['a', 'b', 'c']) {
          const own = rows.flatMap((one, i) => (one.topic === topic ? [{ ...one, kept: kept[i] }] : []))
          const taken = own.filter((one) => one.kept)
          assert.ok(taken.length <= room)
          possible += Math.min(room, own.length)
          const least = Math.min(...taken.map((one) => one.teachable_score))
          if (taken.length > 0)
            for (const one of own) assert.ok(one.kept === true || one.teachable_score <= least)
        }
        assert.equal(count, Math.min(most, possible))
      },
    ),
  )
})
