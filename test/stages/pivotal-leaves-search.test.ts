import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SearchMode, SearchOptions } from '../../src/stages/pivotal/search/result.ts'
import { searchTrace } from '../../src/stages/pivotal/search/search-trace.ts'
import type { Ask, Rollout, RolloutSource } from '../../src/stages/pivotal/search/source.ts'
import { Tally } from '../../src/stages/pivotal/search/tally.ts'
import { chainOf } from '../../src/stages/pivotal/search/chain.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { intervalOf } from '../../src/statistics/side.ts'
import { isKept, leafySource, type LeafyWorld, searchedTrace, truthOf, wholeOf } from './leafy-world.ts'
import { anything, drifting, leafyWorld, planted } from './leafy-worlds.ts'

const modes = ['frugal', 'thorough'] as const
const [gap, q] = [0.2, 0.1]

interface Run extends Partial<SearchOptions> {
  readonly mode: SearchMode
  /** The source tells log-probabilities. */
  readonly told?: boolean
  readonly units?: readonly number[]
}

function run(
  world: LeafyWorld,
  { told = true, units, ...options }: Run,
  ...key: readonly (string | number)[]
) {
  const source = watched(leafySource(world, told, ...key))
  const trace = { ...searchedTrace(world), ...(units !== undefined && { units }) }
  const result = searchTrace(trace, source, { gap, q, key, ...options })
  return result.then((found) => ({ ...found, draws: source.draws }))
}

interface Draw {
  readonly ask: Ask
  /** Draws whose answers were there when it was asked for. */
  readonly before: number
  readonly rollouts: readonly Rollout[]
}

/** The source, and what it was asked for, in the order of its answers. */
function watched(source: RolloutSource): RolloutSource & { readonly draws: readonly Draw[] } {
  const draws: Draw[] = []
  return {
    ...source,
    draws,
    draw: async (ask) => {
      const before = draws.length
      const rollouts = await source.draw(ask)
      draws.push({ ask, before, rollouts })
      return rollouts
    },
  }
}

/** What was reported of some worlds, against the truth. */
async function judged(wanted: typeof planted, runs: number, options: Run) {
  const total = {
    tested: 0,
    held: 0,
    sides: 0,
    sidesHeld: 0,
    confirmed: 0,
    right: 0,
    half: 0,
    pivots: 0,
    rollouts: 0,
  }
  const name = [wanted.name, options.mode]
  for (let i = 0; i < runs; i++) {
    const world = leafyWorld(20, wanted, wanted.name, i)
    const { values, others } = truthOf(world)
    const { pivots, spent } = await run(world, options, ...name, i)
    const at = (node: number): number => values[node] as number
    for (const { position, end, fresh, after, other, confirmed } of pivots) {
      const change = at(end) - at(position)
      total.tested++
      if (holds(fresh, change)) total.held++
      total.sides += 2
      if (holds(intervalOf(after), at(end))) total.sidesHeld++
      if (holds(intervalOf(other), others[position] as number)) total.sidesHeld++
      if (!confirmed) continue
      total.confirmed++
      if (Math.abs(change) >= gap - 1e-9) total.right++
      if (Math.abs(change) < gap / 2) total.half++
    }
    const ends = options.units ?? world.trace.map((_, k) => k + 1)
    const starts = [0, ...ends]
    total.pivots += ends.filter((end, i) => Math.abs(at(end) - at(starts[i] as number)) >= gap).length
    total.rollouts += spent.searchRollouts + spent.confirmRollouts
  }
  return total
}

const holds = ({ low, high }: { low: number; high: number }, truth: number): boolean =>
  low <= truth + 1e-9 && truth - 1e-9 <= high

test('intervals hold the true change and the true values whatever became known in between, and few reports are wrong', async (t) => {
  let [values, valuesHeld] = [0, 0]
  for (const mode of modes)
    for (const [wanted, least] of [
      [planted, 0.95],
      [anything, 0.9],
    ] as const) {
      // prettier-ignore
      const { sides, sidesHeld, ...found } = await judged(wanted, 40, { mode })
      t.diagnostic(`${wanted.name}, ${mode}: ${JSON.stringify({ ...found, sides, sidesHeld })}`)
      const { tested, held, right, confirmed, half } = found
      assert.ok(tested >= 40 && held >= 0.95 * tested, `${held} of ${tested} changes`)
      assert.ok(right >= least * confirmed && half <= q * confirmed, `${right} of ${confirmed} reports`)
      values += sides
      valuesHeld += sidesHeld
    }
  assert.ok(valuesHeld >= 0.95 * values, `${valuesHeld} of ${values} values`)
})

test('what is planted is found, for half the rollouts that a source without log-probabilities takes', async () => {
  const told = await judged(planted, 24, { mode: 'thorough' })
  const untold = await judged(planted, 24, { mode: 'thorough', told: false })
  for (const { right, confirmed, pivots, tested, held } of [told, untold]) {
    assert.ok(right >= 0.95 * confirmed && right >= 0.9 * pivots, `${right} of ${confirmed} and of ${pivots}`)
    assert.ok(held >= 0.95 * tested, `${held} of ${tested}`)
  }
  assert.ok(told.rollouts <= 0.6 * untold.rollouts, `${told.rollouts} against ${untold.rollouts}`)
})

test('where every open token changes something and none half the gap, at most a tenth of the traces report one', async () => {
  for (const mode of modes) {
    const { confirmed, rollouts } = await judged(drifting, 60, { mode })
    assert.ok(confirmed <= q * 60, `${confirmed} in 60 traces`)
    assert.ok(rollouts > 60 * 10, `${rollouts}`)
  }
})

test('units are drawn without replacement too, and their intervals hold', async () => {
  const { tested, held, confirmed, right, pivots } = await judged(planted, 30, {
    ...{ mode: 'thorough', units: [4, 8, 12, 16, 20] },
  })
  assert.ok(tested >= 30 && held >= 0.95 * tested, `${held} of ${tested}`)
  assert.ok(right >= 0.95 * confirmed && right >= 0.85 * pivots, `${right} of ${confirmed} and of ${pivots}`)
})

test('no answer known from an earlier round is drawn again where unseen ones are wanted', async () => {
  let wanted = 0
  for (let i = 0; i < 8; i++) {
    const world = leafyWorld(20, anything, 'repeats', i)
    const { draws } = await run(world, { mode: 'thorough' }, 'repeats', i)
    const names = ({ rollouts }: Draw): readonly string[] =>
      rollouts.map((rollout) => String(wholeOf(world, rollout)))
    const kept = ({ rollouts }: Draw): readonly string[] =>
      rollouts.filter((one) => isKept(one, world.trace.length)).map((one) => String(wholeOf(world, one)))
    for (const draw of draws) {
      if (draw.ask.branch?.unseen !== true) continue
      const known = new Set(draws.slice(0, draw.before).flatMap(kept))
      wanted += draw.rollouts.length
      assert.ok(
        names(draw).every((name) => !known.has(name) && name !== String(world.trace)),
        `in world ${i}`,
      )
    }
  }
  assert.ok(wanted >= 200, `${wanted}`)
})

test('no rollout counts on both sides of a change', async () => {
  for (let i = 0; i < 4; i++) {
    const world = leafyWorld(20, anything, 'sides', i)
    const trace = searchedTrace(world)
    const links = chainOf(trace, gap)
    const { draws } = await run(world, { mode: 'thorough' }, 'sides', i)
    for (const rollout of draws.flatMap(({ rollouts }) => rollouts)) {
      const tally = new Tally(links, trace.correct)
      tally.add([rollout])
      for (const [k, { end }] of links.entries()) {
        const sides = [tally.left(k).trials, tally.at(end).trials]
        assert.ok(sides.every((trials) => trials <= 1) && sides[0] !== (sides[1] || 2), `link ${k}`)
      }
    }
  }
})

test('equal keys give equal results, in whatever order the answers of a round arrive', async () => {
  for (const mode of modes)
    for (let i = 0; i < 3; i++) {
      const world = leafyWorld(20, anything, 'order', i)
      const { draws, ...direct } = await run(world, { mode }, 'order', i)
      assert.ok(
        draws.some(({ ask }) => ask.branch?.unseen === true),
        'unseen ones are drawn',
      )
      const source = leafySource(world, true, 'order', i)
      const random = rngFor('arrival', i)
      const late: RolloutSource = {
        ...source,
        draw: async (ask) => {
          const answer = await source.draw(ask)
          for (let turn = random.below(9); turn > 0; turn--) await new Promise((go) => setImmediate(go))
          return answer
        },
      }
      const options = { gap, q, mode, key: ['order', i] }
      assert.deepEqual(await searchTrace(searchedTrace(world), late, options), direct)
    }
})

test('a source that tells no log-probabilities is asked for nothing that only they make known', async () => {
  for (const mode of modes) {
    const world = leafyWorld(20, planted, 'untold', 1)
    const { draws } = await run(world, { mode, told: false }, 'untold')
    const branches = draws.flatMap(({ ask: { branch } }) => branch ?? [])
    assert.ok(
      branches.every(({ tokens, banned }) => tokens.length === 0 && banned.length === 0),
      mode,
    )
  }
})

test('a cap is kept to the rollout', async () => {
  let cut = 0
  for (const mode of modes)
    for (const [i, maxRollouts] of [1, 5, 17, 40, 90].entries()) {
      const world = leafyWorld(20, anything, 'cap', i)
      const { draws, spent } = await run(world, { mode, maxRollouts }, 'cap', i)
      const drawn = draws.reduce((sum, { rollouts }) => sum + rollouts.length, 0)
      assert.ok(drawn <= maxRollouts, `${drawn} of ${maxRollouts}`)
      assert.equal(drawn, spent.searchRollouts + spent.confirmRollouts)
      if (spent.stoppedBy === 'max rollouts') cut++
    }
  assert.ok(cut >= 4, `${cut}`)
})
