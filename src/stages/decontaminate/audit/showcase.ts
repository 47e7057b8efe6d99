import type { MatchView } from '../../../store/audit-summary.ts'
import { coverageOfItem } from '../evidence.ts'
import { itemKey, severity } from '../judge.ts'
import type { EvidenceGroup } from './evidence-groups.ts'
import type { JudgedRow } from './judge-row.ts'
import { matchView } from './match-view.ts'

/** Keeps the matches that are shown in full: the gravest first, the same item once. */
export interface Showcase {
  add(group: EvidenceGroup, judged: JudgedRow): void
  best(): MatchView[]
}

interface Shown {
  readonly worth: number
  readonly key: string
  readonly view: MatchView
}

export function createShowcase(
  most: number,
  answers: ReadonlyMap<string, readonly (readonly string[])[]>,
): Showcase {
  let shown: Shown[] = []
  return {
    add: (group, { worst }) => {
      const { status, pair, score } = worst.verdict
      if (pair === null || most === 0) return
      const key = itemKey(pair.item)
      const worth = severity[status] * 10 + coverageOfItem(pair) + score / 10
      const rival = shown.find((other) => other.key === key)
      if (worth <= (rival?.worth ?? (shown.length >= most ? (shown.at(-1)?.worth ?? 0) : -1))) return
      const view = matchView(group, worst, answers.get(key) ?? [])
      if (view === null) return
      shown = [...shown.filter((other) => other !== rival), { worth, key, view }]
        .sort((a, b) => b.worth - a.worth)
        .slice(0, most)
    },
    best: () => shown.map(({ view }) => view),
  }
}
