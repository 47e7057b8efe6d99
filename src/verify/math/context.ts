import { type Budget, NotJudged } from './not-judged.ts'

/** What a comparison may look at besides the answers. */
export interface Context {
  readonly budget: Budget
  /** '' where it is not known. */
  readonly problem: string
}

/** True if all are; false if one is not, even where another is open. */
export function every<T>(items: readonly T[], holds: (item: T) => boolean): boolean {
  let open: NotJudged | null = null
  for (const item of items) {
    try {
      if (!holds(item)) return false
    } catch (error) {
      if (!(error instanceof NotJudged)) throw error
      open ??= error
    }
  }
  if (open !== null) throw open
  return true
}
