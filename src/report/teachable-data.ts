import { join } from 'node:path'
import type { Manifest } from '../store/manifest.ts'
import { readParquet } from '../store/parquet-reader.ts'

/** A problem as the gate of pass rates saw it. */
interface GatedProblem {
  readonly passRate: number
  /** It lay in the band. */
  readonly kept: boolean
}

/** What the gate of pass rates did; from a run that has such a stage. */
export interface Gate {
  readonly low: number
  readonly high: number
  readonly problems: readonly GatedProblem[]
  /** Rows it dropped, by the reason without its particulars. */
  readonly dropped: readonly { readonly reason: string; readonly rows: number }[]
  /** Rollouts it took, and those that as many for every problem would have taken besides; null where they are not counted. */
  readonly rollouts: { readonly problems: number; readonly bought: number; readonly saved: number } | null
}

const gateStages = ['teachable', 'refilter']

/** Reads what is known of the gate: kept problems from datasets that have a pass rate, dropped ones from `removed`. Null for a
 *  run without one. */
export async function readGate(manifest: Manifest, folder: string): Promise<Gate | null> {
  const stage = manifest.pipeline.stages.find(({ name }) => gateStages.includes(name))
  if (stage === undefined) return null
  const { low, high } = stage.options
  const problems = new Map<string, GatedProblem>()
  for await (const [id, problem] of keptProblems(manifest, folder)) problems.set(id, problem)
  for await (const [id, problem] of removedProblems(manifest, folder)) problems.set(id, problem)
  return {
    low: typeof low === 'number' ? low : 0,
    high: typeof high === 'number' ? high : 1,
    problems: [...problems.values()],
    dropped: droppedBy(manifest),
    rollouts: rolloutsOf(manifest),
  }
}

async function* keptProblems(
  { configs }: Manifest,
  folder: string,
): AsyncGenerator<readonly [string, GatedProblem]> {
  for (const { columns, shards } of Object.values(configs)) {
    const id = ['question_id', 'id'].find((name) => name in columns)
    if (id === undefined || !('pass_rate' in columns)) continue
    for (const { file } of shards)
      for await (const row of readParquet(join(folder, file), { columns: [id, 'pass_rate'] }))
        if (typeof row[id] === 'string' && typeof row.pass_rate === 'number')
          yield [row[id], { passRate: row.pass_rate, kept: true }]
  }
}

async function* removedProblems(
  { removed }: Manifest,
  folder: string,
): AsyncGenerator<readonly [string, GatedProblem]> {
  for (const { file } of removed.shards) {
    for await (const dropped of readParquet(join(folder, file), { columns: ['id', 'stage', 'row'] })) {
      if (typeof dropped.row !== 'string') continue
      const row = JSON.parse(dropped.row) as { question_id?: unknown; pass_rate?: unknown }
      const id = dropped.id ?? row.question_id
      if (typeof id === 'string' && typeof row.pass_rate === 'number')
        yield [id, { passRate: row.pass_rate, kept: !gateStages.includes(String(dropped.stage)) }]
    }
  }
}

function droppedBy({ removed }: Manifest): Gate['dropped'] {
  const merged = new Map<string, number>()
  for (const { stage, reason, rows } of removed.by_reason) {
    const kind = reason.split(':')[0] as string
    if (gateStages.includes(stage)) merged.set(kind, (merged.get(kind) ?? 0) + rows)
  }
  return [...merged].map(([reason, rows]) => ({ reason, rows }))
}

function rolloutsOf({ counters }: Manifest): Gate['rollouts'] {
  const { gate_problems: problems, gate_rollouts: bought, gate_rollouts_saved: saved } = counters
  if (problems === undefined || bought === undefined || saved === undefined) return null
  return { problems, bought, saved }
}
