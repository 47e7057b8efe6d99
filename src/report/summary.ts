import { share } from '../statistics/estimate.ts'
import type { ReportData } from './data.ts'
import {
  type BeforeAfter,
  changeOf,
  confirmedText,
  decimal,
  signed,
  whole,
  withInterval,
} from './measured.ts'
import { cachedPrompts, type Counters, noiseAlarm } from './notes.ts'
import { rolloutsText } from './teachable.ts'

/** The one-screen table a run ends with. */
export function summaryTable(data: ReportData, evaluation: BeforeAfter | null = null): string {
  const { manifest } = data
  const drops = data.drops.map(({ stage, reason, rows }) => [`  ${stage}: ${reason}`, whole(rows)])
  const lines = [
    ['problems in', whole(data.problems)],
    ['rows dropped', whole(manifest.removed.rows)],
    ...drops,
    ...(data.gate?.rollouts ? [gateLine(data.gate.rollouts)] : []),
    ...(data.pivots > 0 ? [['pivotal tokens', whole(data.pivots), confirmedText(data)]] : []),
    ['preference pairs', whole(data.pairs), 'one token a side, disjoint 95 % intervals'],
    ...cachedLine(manifest.counters),
    ...(evaluation === null ? [] : measured(evaluation)),
  ]
  const labelWidth = Math.max(...lines.map(([label = '']) => label.length))
  const valueWidth = Math.max(...lines.map(([, value = '']) => value.length))
  const body = lines.map(([label = '', value = '', note = '']) =>
    `${label.padEnd(labelWidth)}  ${value.padStart(valueWidth)}  ${note}`.trimEnd(),
  )
  const title = `${manifest.name}, seed ${manifest.seed}`
  const rule = '─'.repeat(Math.max(...body.map((line) => line.length), title.length))
  const alarm = noiseAlarm(manifest.counters)
  return [title, rule, ...body, ...(alarm === null ? [] : [alarm]), ''].join('\n')
}

function cachedLine(counters: Counters): string[][] {
  const cached = cachedPrompts(counters)
  return cached === null ? [] : [['cached prompt tokens', cached.share, `of ${cached.of}`]]
}

const gateLine = (rollouts: NonNullable<NonNullable<ReportData['gate']>['rollouts']>): string[] => [
  'rollouts of the gate',
  whole(rollouts.bought),
  rolloutsText(rollouts),
]

function measured(evaluation: BeforeAfter): string[][] {
  const { before, after } = evaluation
  const { delta, interval, pValue } = changeOf(evaluation)
  const test =
    pValue === null ? '' : `, McNemar p ${pValue < 0.001 ? pValue.toExponential(1) : decimal(pValue)}`
  const row = (label: string, of: typeof before): string[] => [
    label,
    decimal(share(of.passed)),
    `${withInterval(of.passed).slice(decimal(share(of.passed)).length + 1)}, ${whole(of.passed.trials)} held-out problems`,
  ]
  return [
    row('pass rate before', before),
    row('pass rate after', after),
    ['change', signed(delta), `[${signed(interval.low)}, ${signed(interval.high)}]${test}`],
  ]
}
