import { columns } from './sketch.ts'
import { UnionFind } from './union-find.ts'
import { newSlots, type WordTable } from './word-table.ts'

/** Documents in groups, one array for all of them. */
export interface Groups {
  /** Members of group after group, ascending within each. */
  readonly members: Int32Array
  /** Where each group begins, and one place behind the last. */
  readonly starts: Int32Array
}

/** Groups of two and more documents that bands link, of the given ones, in the order of their first members. */
export function linkedGroups(table: WordTable, heads: Int32Array, bands: number): Groups {
  const sets = new UnionFind(table.rows)
  const slots = newSlots(heads.length)
  for (let band = 0; band < bands; band++) {
    const from = columns.bands + 2 * band
    table.linkEqual(heads, from, from + 2, slots, (first, row) => sets.union(first, row))
  }
  return groupsOf(heads, (row) => sets.find(row), table.rows)
}

/** Groups of two and more by the name, a number under `names`, that each member has. */
export function groupsOf(members: Int32Array, nameOf: (member: number) => number, names: number): Groups {
  const next = new Int32Array(names)
  for (const member of members) {
    const name = nameOf(member)
    next[name] = (next[name] as number) + 1
  }
  const starts: number[] = []
  let all = 0
  for (let name = 0; name < names; name++) {
    const size = next[name] as number
    next[name] = size < 2 ? -1 : all
    if (size < 2) continue
    starts.push(all)
    all += size
  }
  const grouped = new Int32Array(all)
  for (const member of members) {
    const name = nameOf(member)
    const at = next[name] as number
    if (at < 0) continue
    grouped[at] = member
    next[name] = at + 1
  }
  return { members: grouped, starts: Int32Array.from([...starts, all]) }
}

/** One group after the other, as views. */
export function* eachGroup({ members, starts }: Groups): Generator<Int32Array> {
  for (let i = 0; i + 1 < starts.length; i++) yield members.subarray(starts[i], starts[i + 1])
}

/** Whether LSH finds the pair: one band has the same key. */
export function shareBand(table: WordTable, a: number, b: number, bands: number): boolean {
  for (let band = 0; band < bands; band++) {
    const from = columns.bands + 2 * band
    if (table.same(a, b, from, from + 2)) return true
  }
  return false
}
