import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { readReportData } from '../../src/report/data.ts'
import { cachedPrompts, type Counters, noiseAlarm } from '../../src/report/notes.ts'
import { page } from '../../src/report/page.ts'
import { summaryTable } from '../../src/report/summary.ts'
import { summaryOf } from '../../src/cli/run.ts'
import { exceedsMartingale } from '../../src/statistics/martingale.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { say } from '../cli/say.ts'
import { runFolder } from './run-folder.ts'

/** The run's summary, the quickstart's table and page, and what fulcrum report prints, of a run with these counters. */
async function shown(counters: Counters): Promise<string[]> {
  const path = await runFolder({ change: { counters } })
  const data = await readReportData(path)
  const html = page({ data, evaluation: null, log: [] })
  return [summaryOf(data.manifest), summaryTable(data), html, await say('report', dirname(path))]
}

const noisy = { on_policy_traces: 25, squared_change_thousandths: 12_300 }

test('the share of prompt tokens that servers had in their cache is said where they tell it, and not else', async () => {
  const told = {
    ...{ student_prompt_tokens: 1_204_331, student_cached_tokens: 999_595 },
    ...{ prompt_tokens: 2_000_000, cached_prompt_tokens: 1_000_000 },
  }
  const [run = '', table = '', html = '', report = ''] = await shown(told)
  for (const text of [run, report]) assert.match(text, /^cached prompt tokens 83 % of 1\.2M$/m)
  assert.match(table, /^cached prompt tokens +83 % +of 1\.2M$/m)
  assert.match(html, /<td>share of prompt tokens cached<\/td>\s*<td class="n">83 % of 1\.2M<\/td>/)
  const silent = await shown({ student_prompt_tokens: 1000, student_cached_tokens: 0, prompt_tokens: 1000 })
  for (const text of silent) assert.doesNotMatch(text, /cached prompt|tokens cached/)
  const { prompt_tokens, cached_prompt_tokens } = told
  assert.deepEqual(cachedPrompts({ prompt_tokens, cached_prompt_tokens }), { share: '50 %', of: '2M' })
})

test('changes larger than a policy can have are told in one line, with what to do, wherever the run is summed up', async () => {
  for (const text of await shown({ ...noisy, squared_change_bound_thousandths: 5000 })) {
    assert.match(text, /reports noise, or its traces were chosen by their verdicts: over 25 traces/)
    assert.match(text, /sum to 12\.3, where 5\.0 can be expected at most.*--confirm-rollouts.* smaller --q\./)
  }
  for (const text of await shown({ ...noisy, squared_change_bound_thousandths: 11_500 }))
    assert.doesNotMatch(text, /noise/)
  const [, , html = ''] = await shown({ ...noisy, squared_change_bound_thousandths: 11_500 })
  assert.match(html, /<td>squared change bound<\/td>\s*<td class="n">11\.5<\/td>/)
})

test('few traces, and runs without any of the policy, give no alarm', () => {
  assert.equal(noiseAlarm({ ...noisy, on_policy_traces: 19, squared_change_bound_thousandths: 10 }), null)
  assert.equal(noiseAlarm({}), null)
  assert.notEqual(noiseAlarm({ ...noisy, on_policy_traces: 20, squared_change_bound_thousandths: 10 }), null)
})

test('an excess of a tenth alarms where there are many traces; where there are few, chance may do as much', () => {
  assert.equal(exceedsMartingale(441, 400), true)
  assert.equal(exceedsMartingale(439, 400), false)
  assert.equal(exceedsMartingale(7.9, 4), false)
  assert.equal(exceedsMartingale(8.1, 4), true)
})

test('walks that use their bound up ring at 20 traces as seldom as two standard deviations do', () => {
  let rings = 0
  for (let run = 0; run < 500; run++) {
    const random = rngFor('martingale walks', run)
    const [sum, bound] = [walks(20, () => random.next()), 20 * 0.25]
    if (exceedsMartingale(sum, bound)) rings++
  }
  assert.ok(rings <= 15, `${rings} of 500 runs`)
})

/** Squared changes of walks from .5 by steps of .1 either way to 0 or 1. */
function walks(count: number, uniform: () => number): number {
  let sum = 0
  for (let walk = 0; walk < count; walk++) {
    let tenths = 5
    while (tenths > 0 && tenths < 10) {
      tenths += uniform() < 0.5 ? 1 : -1
      sum += 0.01
    }
  }
  return sum
}
