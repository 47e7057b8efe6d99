import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Terminal } from '../../src/cli/command.ts'
import { progressOf } from '../../src/cli/progress.ts'
import { createPurse } from '../../src/model/account/purse.ts'
import type { Plan } from '../../src/pipeline/plan.ts'

const price = { model: 'm', input: 1, output: 10, source: 'made up', date: '2026-01-01' }
const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 10_000, reasoningTokens: 0 }
const who = 'http://here/v1#m'

/** The lines of a run of four shards, of which the first was there and cost what two others do. */
function linesWith(prices: Parameters<typeof createPurse>[0]): string[] {
  const lines: string[] = []
  let time = 0
  const terminal = {
    tell: (text: string) => lines.push(text),
    live: false,
    width: 80,
    now: () => (time += 6000),
  }
  const purse = createPurse(prices, {})
  const plan = { steps: [], shards: 4 } as unknown as Plan
  const { watch } = progressOf(plan, terminal as unknown as Terminal, purse)
  // Two requests of an earlier attempt: one is used again here, one was for the shard that is there.
  purse.pay(who, usage)
  purse.pay(who, usage)
  watch.onShard?.(1, 4, true)
  purse.use(who, usage)
  watch.onShard?.(2, 4, false)
  purse.pay(who, usage)
  purse.use(who, usage)
  watch.onShard?.(3, 4, false)
  return lines
}

test('the line shows what is paid so far, and what it will be when the other shards cost what those made did', () => {
  const [first = '', second = '', third = ''] = linesWith([price])
  assert.match(first, /1\/4 shards .*\| \$0\.20$/m)
  assert.match(second, /\| \$0\.20, about \$0\.40 in all/)
  assert.match(third, /\| \$0\.30, about \$0\.40 in all/)
})

test('a cost that is not known is said to be unknown', () => {
  for (const line of linesWith([])) assert.match(line, /\| cost unknown/)
})
