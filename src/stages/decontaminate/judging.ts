import { FulcrumError } from '../../errors.ts'
import { entriesFor, type ListEntry, phraseList, publishedCommon } from './phrases.ts'
import { type Judging, type RuleName, ruleNames, rules, type Rule, type Thresholds } from './rules.ts'

/** How stored evidence is to be judged, as a user says it. */
export interface JudgingOptions {
  readonly rule?: RuleName | undefined
  readonly info?: number | undefined
  readonly contaminated?: number | undefined
  readonly allow?: readonly ListEntry[] | undefined
  readonly deny?: readonly ListEntry[] | undefined
  /** 3 by default: our choice. */
  readonly leastNgrams?: number | undefined
  readonly isCommon?: Judging['isCommon'] | undefined
}

/** The options checked and filled in. */
export function judgingOf(options: JudgingOptions = {}): Judging {
  const { rule = 'phi4', allow = [], deny = [], leastNgrams = 3, isCommon = () => false } = options
  if (!ruleNames.includes(rule)) {
    throw new FulcrumError(
      'config',
      `There is no rule ${rule as string}`,
      `Use one of ${ruleNames.join(', ')}.`,
    )
  }
  // The list is part of Algorithm 1; other rules have none.
  const published = rule === 'phi4' || rule === 'strict' ? publishedCommon : []
  return {
    rule,
    ...thresholdsOf(rule, options),
    allow: phraseList([...entriesFor(published, 'published as common (Phi-4, appendix B.1)'), ...allow]),
    deny: phraseList(deny),
    leastNgrams,
    isCommon,
  }
}

function thresholdsOf(rule: RuleName, { info, contaminated }: JudgingOptions): Thresholds {
  const { thresholds }: Rule = rules[rule]
  if (thresholds === null) {
    if (info === undefined && contaminated === undefined) return { info: 0, contaminated: 0 }
    throw new FulcrumError(
      'config',
      `The rule ${rule} has no threshold`,
      'Leave --info and --contaminated out.',
    )
  }
  const found = {
    info: info ?? Math.min(thresholds.info, contaminated ?? 1),
    contaminated: contaminated ?? thresholds.contaminated,
  }
  if (found.info >= 0 && found.info <= found.contaminated && found.contaminated <= 1) return found
  throw new FulcrumError(
    'config',
    `decontaminate has info ${found.info} and contaminated ${found.contaminated}`,
    'Both are shares: 0 <= info <= contaminated <= 1.',
  )
}
