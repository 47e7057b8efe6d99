import type { Branch, Example } from './embedded.ts'

/** A rollout in either form of its columns. */
interface RolloutRow {
  readonly node_depth: number
  readonly verdict: string
  readonly token_ids: readonly number[]
  readonly banned_ids?: readonly number[] | null
  readonly given_ids?: readonly number[] | null
  readonly banned_id?: number | null
  readonly given_id?: number | null
}

/** Text of token ids: of every token that a trace of the dataset has. Others are shown as their number. */
export type Vocabulary = Map<number, string>

const longest = 600
const examplesEachWay = 2
const branchesWithExamples = 24

/** Where a rollout left its trace, and all that it wrote from there on. */
export interface Path {
  readonly launched: number
  /** Node at which it left; the length of the trace if it never did. */
  readonly left: number
  readonly rest: readonly number[]
  readonly correct: boolean
  /** It was kept from tokens, or given some: how often it takes a branch is not the policy's doing. */
  readonly forced: boolean
  /** It was so past the token with which it left, too: how it ends is no draw of that branch's own share. */
  readonly steered: boolean
}

/** The path of a rollout against the trace it was bought for. */
export function pathOf(rollout: RolloutRow, trace: readonly number[]): Path {
  const { token_ids: ids, node_depth: depth, verdict } = rollout
  const [given, banned] = [idsOf(rollout, 'given'), idsOf(rollout, 'banned')]
  const whole = [...given, ...ids]
  const launched = depth - given.length
  let along = 0
  while (along < whole.length && launched + along < trace.length && whole[along] === trace[launched + along])
    along++
  const left = launched + along
  const off = given.length - along
  return {
    ...{ launched, left, rest: whole.slice(along), correct: verdict === 'equal' },
    forced: banned.length + given.length > 0,
    steered: off > 1 || (off === 1 && banned.length > 0),
  }
}

function idsOf(rollout: RolloutRow, kind: 'banned' | 'given'): readonly number[] {
  const [ids, id] = [rollout[`${kind}_ids`], rollout[`${kind}_id`]]
  return ids ?? (id == null ? [] : [id])
}

/** Rollouts by the token with which they left the trace, in the order of the trace; the branches most taken have examples. */
export function branchesOf(
  paths: readonly Path[],
  length: number,
  vocabulary: Vocabulary,
): readonly Branch[] {
  const groups = new Map<string, Path[]>()
  for (const path of paths) {
    if (path.left >= length || path.rest.length === 0) continue
    const key = `${path.left}/${path.rest[0] ?? ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [path])
    else group.push(path)
  }
  const bySize = [...groups.values()].sort((a, b) => b.length - a.length)
  return bySize
    .map((group, rank) => branchOf(group, rank < branchesWithExamples, vocabulary))
    .sort((a, b) => a.at - b.at || b.trials - a.trials)
}

function branchOf(group: readonly Path[], withExamples: boolean, vocabulary: Vocabulary): Branch {
  const [first] = group as [Path]
  return {
    at: first.left,
    token: textOf(first.rest.slice(0, 1), vocabulary),
    successes: group.filter(({ correct }) => correct).length,
    trials: group.length,
    forced: group.filter(({ forced }) => forced).length,
    steered: group.filter(({ steered }) => steered).length,
    examples: withExamples ? examplesOf(group, vocabulary) : [],
  }
}

/** Continuations from node `at` on: of rollouts that took the trace's tokens up to `end`, or that left before it, at `at` with
 *  `token` if one is given. */
export function examplesAt(
  paths: readonly Path[],
  trace: readonly number[],
  {
    at,
    end,
    token,
  }: { readonly at: number; readonly end: number; readonly token: number | 'own' | 'others' },
  vocabulary: Vocabulary,
): readonly Example[] {
  const wanted = paths.filter(({ left, rest, launched }) =>
    token === 'own'
      ? launched <= end && left >= end
      : launched < end &&
        left >= at &&
        left < end &&
        (token === 'others' || (left === at && rest[0] === token)),
  )
  return examplesOf(
    wanted.map((path) => ({ ...path, rest: [...trace.slice(at, path.left), ...path.rest] })),
    vocabulary,
  )
}

/** The first of either verdict, no text twice. */
function examplesOf(paths: readonly Path[], vocabulary: Vocabulary): readonly Example[] {
  const each = (correct: boolean): Example[] => {
    const texts = new Set<string>()
    for (const path of paths) {
      if (path.correct === correct) texts.add(textOf(path.rest, vocabulary))
      if (texts.size >= examplesEachWay) break
    }
    return [...texts].map((text) => [correct ? 1 : 0, text])
  }
  return [...each(true), ...each(false)]
}

function textOf(ids: readonly number[], vocabulary: Vocabulary): string {
  const text = ids
    .slice(0, longest)
    .map((id) => vocabulary.get(id) ?? `⟨${id}⟩`)
    .join('')
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
