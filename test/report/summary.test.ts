import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readReportData } from '../../src/report/data.ts'
import { summaryTable } from '../../src/report/summary.ts'
import { runFolder } from './run-folder.ts'

test('one screen: problems, drops by reason, pivots, pairs, pass rate before and after', async () => {
  const removed = [
    { id: 'a', stage: 'teachable', reason: 'too hard: pass rate under 0.2', row: '{}' },
    { id: 'b', stage: 'decontaminate', reason: 'contaminated: item 4', row: '{}' },
    { id: 'c', stage: 'decontaminate', reason: 'contaminated: item 9', row: '{}' },
  ]
  const data = await readReportData(
    await runFolder({ pivots: [{}, { position: 3, confirmed: false }], removed }),
  )
  const before = { passed: { successes: 512, trials: 1000 } }
  const after = { passed: { successes: 601, trials: 1000 } }
  const table = summaryTable(data, { before, after })
  assert.equal(
    table,
    `quickstart, seed 3
───────────────────────────────────────────────────────────────────────────────
problems in                       10
rows dropped                       3
  decontaminate: contaminated      2
  teachable: too hard              1
pivotal tokens                     2  1 confirmed on fresh rollouts
preference pairs                   1  one token a side, disjoint 95 % intervals
pass rate before                .512  [.481, .543], 1,000 held-out problems
pass rate after                 .601  [.570, .631], 1,000 held-out problems
change                         +.089  [+.045, +.132]
`,
  )
  assert.doesNotMatch(summaryTable(data), /pass rate/)
})
