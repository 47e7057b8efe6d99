import { shareBand } from './components.ts'
import { jaccard } from './shingles.ts'
import { columns } from './sketch.ts'
import type { WordTable } from './word-table.ts'

export interface StarInput {
  readonly table: WordTable
  readonly bands: number
  /** Least Jaccard with the document that stays; 0 makes each group one star. */
  readonly threshold: number
  /** Which of two documents would rather stay: negative for the first. Never 0 for two different ones. */
  readonly order: (a: number, b: number) => number
  readonly shingles: (document: number) => Uint32Array
}

/** Where a group's documents went. */
export interface Stars {
  /** A document of the group, the one that stays in its place (itself, if it stays), and their Jaccard. */
  assign(document: number, centre: number, jaccard: number): void
}

/** Splits a linked group into stars. The document that would rather stay than all others is the first centre; each other
 *  one, in the same order, goes to the first centre that shares a band with it and is alike enough, else becomes a centre
 *  itself. So a chain A ~ B ~ C never takes C away for the sake of A, and what the bands link by chance stays apart.
 *  Gives how often a centre had to be left out of a band's list, which is bounded. */
export function splitIntoStars(group: Int32Array, input: StarInput, stars: Stars): number {
  const { threshold, order, shingles } = input
  const members = group.slice().sort(order)
  const [best] = members
  const index = group.length <= smallGroup ? plainIndex(input) : keyIndex(input)
  for (const member of members) {
    const found =
      threshold === 0
        ? { centre: best as number, alike: jaccard(shingles(best as number), shingles(member)) }
        : firstAlike(member, index.candidates(member), input)
    if (found !== null && found.centre !== member) stars.assign(member, found.centre, found.alike)
    else {
      stars.assign(member, member, 1)
      index.add(member)
    }
  }
  return index.leftOut()
}

function firstAlike(
  member: number,
  centres: readonly number[],
  { threshold, shingles }: StarInput,
): { centre: number; alike: number } | null {
  if (centres.length === 0) return null
  const own = shingles(member)
  for (const centre of centres) {
    const alike = jaccard(own, shingles(centre))
    if (alike >= threshold) return { centre, alike }
  }
  return null
}

/** Centres that share a band with a document, in order. */
interface CentreIndex {
  candidates(document: number): readonly number[]
  add(centre: number): void
  leftOut(): number
}

/** Most groups are pairs: no table is worth while. */
const smallGroup = 16

function plainIndex({ table, bands }: StarInput): CentreIndex {
  const centres: number[] = []
  return {
    candidates: (document) => centres.filter((centre) => shareBand(table, centre, document, bands)),
    add: (centre) => void centres.push(centre),
    leftOut: () => 0,
  }
}

/** Centres by band key. A band shared by very many centres (boilerplate that is not alike enough) lists the first ones
 *  only, so that the work stays linear; documents then rather stay than go. */
function keyIndex({ table, bands }: StarInput): CentreIndex {
  const centres: number[] = []
  const byKey = new Map<number, number[]>()
  let leftOut = 0
  const keyOf = (document: number, band: number): number => {
    const column = columns.bands + 2 * band
    // 53 of 64 bits, salted by the band: a wrong candidate is only compared in vain.
    const high = (table.get(document, column + 1) ^ Math.imul(band + 1, 0x9e3779b1)) >>> 11
    return high * 2 ** 32 + table.get(document, column)
  }
  return {
    candidates: (document) => {
      const found = new Set<number>()
      for (let band = 0; band < bands; band++)
        for (const centre of byKey.get(keyOf(document, band)) ?? []) found.add(centre)
      return [...found].sort((a, b) => a - b).map((place) => centres[place] as number)
    },
    add: (centre) => {
      const place = centres.push(centre) - 1
      for (let band = 0; band < bands; band++) {
        const key = keyOf(centre, band)
        const list = byKey.get(key)
        if (list === undefined) byKey.set(key, [place])
        else if (list.length < mostCentres) list.push(place)
        else leftOut++
      }
    },
    leftOut: () => leftOut,
  }
}

/** Centres listed a band key. */
const mostCentres = 64
