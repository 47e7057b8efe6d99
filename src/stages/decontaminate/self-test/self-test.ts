import { type Random, rngFor } from '../../../statistics/random.ts'
import type { SelfTest } from '../../../store/audit-summary.ts'
import { rateOf } from '../audit/tally.ts'
import type { IndexedText } from '../evidence.ts'
import { itemKey } from '../judge.ts'
import type { TextJudge } from '../text-judge.ts'
import { type Injection, injections, type PlantedItem } from './injections.ts'

export interface SelfTestInput {
  /** Texts of the user's own data. */
  readonly hosts: readonly string[]
  readonly indexed: readonly IndexedText[]
  readonly choices: readonly IndexedText[]
  /** The judge of the audit: same index, same rule, same lists. */
  readonly judge: TextJudge
  readonly seed: number
  /** Plants of each kind. */
  readonly trials: number
}

/** Plants known leaks and hard negatives in the user's own texts and judges them as the audit does: how much of what
 *  leaks this configuration finds, and how often it cries wolf. Items are drawn from all, those too short for any rule
 *  included; hosts are texts that are clean by themselves. */
export function selfTest({ hosts, indexed, choices, judge, seed, trials }: SelfTestInput): SelfTest {
  const clean = hosts.filter((host) => judge(host).status === 'clean')
  const items = plantedItems(indexed, choices)
  return {
    seed,
    hosts: clean.length,
    items: items.length,
    kinds: injections.map((injection) => {
      const { contaminated, partial, made } = tried(injection, { clean, items, judge, seed, trials })
      const { kind, expected } = injection
      return { kind, expected, contaminated: rateOf(contaminated, made), partial }
    }),
  }
}

interface Trying extends Pick<SelfTestInput, 'judge' | 'seed' | 'trials'> {
  readonly clean: readonly string[]
  readonly items: readonly PlantedItem[]
}

function tried({ kind, plant }: Injection, { clean, items, judge, seed, trials }: Trying) {
  let [contaminated, partial, made] = [0, 0, 0]
  for (let trial = 0; trial < trials; trial++) {
    const random = rngFor(seed, 'self-test', kind, trial)
    const text = plantOnce(plant, clean, items, random)
    if (text === null) continue
    made++
    const { status } = judge(text)
    if (status === 'contaminated') contaminated++
    if (status === 'partial') partial++
  }
  return { contaminated, partial, made }
}

/** Draws until an item has the form that the kind needs. */
function plantOnce(
  plant: Injection['plant'],
  hosts: readonly string[],
  items: readonly PlantedItem[],
  random: Random,
): string | null {
  const host = hosts[random.below(Math.max(1, hosts.length))] ?? ''
  for (let draw = 0; draw < 20 && items.length > 0; draw++) {
    const text = plant(host, items[random.below(items.length)] as PlantedItem, random)
    if (text !== null) return text
  }
  return null
}

function plantedItems(indexed: readonly IndexedText[], others: readonly IndexedText[]): PlantedItem[] {
  const items = new Map<string, { question: string[]; choices: string[]; whole: string[] }>()
  for (const text of [...indexed, ...others]) {
    const key = itemKey(text)
    const item = items.get(key) ?? { question: [], choices: [], whole: [] }
    items.set(key, item)
    if (text.field === 'question') item.question.push(text.text)
    if (text.field === 'choice') item.choices.push(text.text)
    if (text.field === 'question+choices') item.whole.push(text.text)
  }
  return [...items.values()].flatMap(({ question: [question], choices, whole: [whole] }) =>
    question === undefined ? [] : [{ question, choices, whole: whole ?? question }],
  )
}
