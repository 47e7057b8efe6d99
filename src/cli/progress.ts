import type { Plan } from '../pipeline/plan.ts'
import { stagesOf } from '../pipeline/plan.ts'
import type { RunOptions } from '../pipeline/run.ts'
import type { Purse } from '../model/account/purse.ts'
import type { Terminal } from './command.ts'
import { costText, dollars } from './spending.ts'
import { brief, formatCount } from './table.ts'

/** Tells how a run goes: a bar on a terminal, else a line every few seconds. */
export function progressOf(
  plan: Plan,
  { tell, live, width, now }: Terminal,
  purse?: Purse,
): { watch: NonNullable<RunOptions['watch']>; end: () => void } {
  const names = ['source', ...stagesOf(plan.steps).map(({ name }) => name)]
  const passed = names.map(() => 0)
  const counters = new Map<string, number>()
  const start = now()
  let [drops, done, resumed, all, last] = [0, 0, 0, plan.shards, start]
  const money = moneyOf(purse)

  const draw = (force = false): void => {
    const time = now()
    if (!force && time - last < (live ? 200 : 5000)) return
    last = time
    const shown = line()
    tell(live ? `\r\x1b[2K${brief(shown, width - 1)}` : `${shown}\n`)
  }
  const line = (): string => {
    const share = done / Math.max(1, all)
    const bar = live
      ? `[${'#'.repeat(Math.round(share * 20)).padEnd(20, '-')}] `
      : `${duration(now() - start)} `
    const rows = names.map((name, i) => `${name} ${formatCount(passed[i] as number)}`).join(' > ')
    const told = [...counters].filter(([name]) => !name.endsWith('_thousandths'))
    const sums = told.map(([name, sum]) => `${formatCount(sum)} ${name.replaceAll('_', ' ')}`)
    const made = done - resumed
    const eta = made > 0 && done < all ? [`ETA ${duration(((now() - start) / made) * (all - done))}`] : []
    const parts = [rows, `${formatCount(drops)} dropped`, ...sums, ...money.text(made, all - done), ...eta]
    return [`${bar}${done}/${all} shards`, ...parts].join(' | ')
  }
  return {
    watch: {
      onRowsOut: (stage) => {
        passed[stage] = (passed[stage] as number) + 1
        draw()
      },
      onDrop: () => {
        drops++
        draw()
      },
      onCount: (name, by) => counters.set(name, (counters.get(name) ?? 0) + by),
      onShard: (shards, of, wasThere) => {
        done = shards
        all = of
        if (wasThere) resumed++
        money.onShard()
        draw(shards === of && !wasThere)
      },
      onDrain: (inFlight) => {
        if (live) tell('\r\x1b[2K')
        tell(`Stopping; ${inFlight} requests in flight are paid for, their answers are waited for and kept\n`)
      },
    },
    end: () => {
      if (live) tell('\r\x1b[2K')
      if (resumed > 0) tell(`${resumed} shards were there already\n`)
    },
  }
}

/** What is paid, and what it will be if the shards to come cost what those made here did. */
function moneyOf(purse: Purse | undefined) {
  /** Of the answers used in shards that are done. */
  let inShards = 0
  return {
    onShard: (): void => {
      inShards = purse?.used.costUsd ?? 0
    },
    text: (made: number, left: number): string[] => {
      if (purse === undefined || purse.paid.requests === 0) return []
      const { paid, used } = purse
      const text = costText(paid)
      if (made === 0 || left === 0 || inShards === 0) return [text]
      const all = paid.costUsd - (used.costUsd - inShards) + (inShards / made) * left
      return [`${text}, about ${dollars(all)} in all`]
    },
  }
}

/** 3725000 ms as 1:02:05. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  const two = (part: number): string => String(part).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${Math.floor(seconds / 60)}:${two(seconds % 60)}`
}
