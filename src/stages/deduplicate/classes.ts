import type { Details } from './details.ts'
import type { DuplicateOptions } from './options.ts'

/** Documents that are the same, each by its first. */
export interface Classes {
  /** Same bytes. */
  readonly exact: Int32Array
  /** Same bytes or, unless only bytes are compared, same words. */
  readonly same: Int32Array
  /** Of the documents of each class, the one that would rather stay, by the first. */
  readonly champions: Int32Array
}

/** Sorts documents into classes. */
export function classesOf(details: Details, kind: DuplicateOptions['kind']): Classes {
  const exact = details.exactFirsts()
  const same = kind === 'exact' ? exact : details.wordsFirsts()
  const champions = new Int32Array(same.length).fill(-1)
  for (let row = 0; row < same.length; row++) {
    const first = same[row] as number
    const champion = champions[first] as number
    if (champion < 0 || details.order(row, champion) < 0) champions[first] = row
  }
  return { exact, same, champions }
}
