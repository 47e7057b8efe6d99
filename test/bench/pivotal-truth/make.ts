/** Makes student.json: what the shipped student's success probability is at every position of traces of its own.
 *  `npx tsx test/bench/pivotal-truth/make.ts`; two cores take some minutes for many rollouts at every position, and some
 *  more for the exact change over each open token. With --exact only those, of the traces in the file. Development problems
 *  only: no figure of the README is measured on them. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { localModel } from '../../../src/model/local.ts'
import { locate } from '../../../src/store/bundled.ts'
import { exactChanges } from './exact.ts'
import { plainTraces, rollouts } from './plain.ts'
import { agreement, gap, readTruth, rule, truePivots, type TrueTrace } from './truth.ts'

const { values: flags } = parseArgs({ options: { exact: { type: 'boolean', default: false } } })
const student = await localModel(locate('datasets/models/student'))
const traces: TrueTrace[] = []
for (const trace of flags.exact ? readTruth().traces : await plainTraces(student)) {
  const changes = await exactChanges(student, trace)
  traces.push({ ...trace, changes })
  process.stderr.write(`${traces.length}: ${JSON.stringify(changes)}\n`)
}
await student.close()
writeFileSync(
  new URL('student.json', import.meta.url),
  `${JSON.stringify({ model: student.id, rule, rollouts, traces })}\n`,
)
const errors = traces.flatMap(({ changes }) => changes.map(({ error }) => error))
const pivots = traces.flatMap((trace) => truePivots(trace, gap)).length
console.log({ pivots, largestError: Math.max(...errors), ...agreement(traces) })
