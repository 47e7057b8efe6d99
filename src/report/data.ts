import { dirname, join } from 'node:path'
import { z } from 'zod'
import { type Manifest, readManifest } from '../store/manifest.ts'
import { readParquet } from '../store/parquet-reader.ts'
import { type Gate, readGate } from './teachable-data.ts'

const share = z.number()
/** The columns of `pivotal_tokens` that a report shows. */
const pivotRow = z.object({
  question_id: z.string(),
  query: z.string(),
  trace_id: z.string(),
  pass_rate: share,
  trace_tokens: z.array(z.string()),
  position: z.int(),
  prob_before: share,
  prob_after: share,
  prob_delta: share,
  delta_low: share,
  delta_high: share,
  n_after: z.int(),
  prob_after_low: z.number().nullable().default(null),
  prob_after_high: z.number().nullable().default(null),
  confirmed: z.boolean(),
  on_policy: z.boolean(),
  chosen_token: z.string().nullable(),
  rejected_token: z.string().nullable(),
  prob_chosen: share.nullable(),
  prob_rejected: share.nullable(),
})

export type PivotRow = z.infer<typeof pivotRow>

/** A searched trace with its pivotal tokens, in the order of the trace. */
export type TraceView = readonly [PivotRow, ...PivotRow[]]

interface Drop {
  readonly stage: string
  readonly reason: string
  readonly rows: number
}

/** What a run made, as the report and the summary show it. */
export interface ReportData {
  readonly manifest: Manifest
  readonly problems: number
  readonly malformed: number
  /** Rows dropped, by stage and the reason without its particulars (what stands before a colon); most first. */
  readonly drops: readonly Drop[]
  readonly pivots: number
  readonly confirmed: number
  readonly pairs: number
  /** The most telling traces, best first. */
  readonly traces: readonly TraceView[]
  /** What the gate of pass rates did; null without one. */
  readonly gate: Gate | null
}

/** Reads the manifest and the shards a report needs; at most `traces` traces are kept in memory. */
export async function readReportData(manifestPath: string, { traces = 6 } = {}): Promise<ReportData> {
  const manifest = await readManifest(manifestPath)
  const best: TraceView[] = []
  let confirmed = 0
  for await (const trace of tracesOf(manifest, dirname(manifestPath))) {
    confirmed += trace.filter((pivot) => pivot.confirmed).length
    keepBest(best, trace, traces)
  }
  return {
    manifest,
    problems: manifest.inputs.reduce((sum, input) => sum + input.rows, 0),
    malformed: manifest.inputs.reduce((sum, input) => sum + input.malformed, 0),
    drops: dropsOf(manifest),
    pivots: manifest.configs.pivotal_tokens?.rows ?? 0,
    confirmed,
    pairs: manifest.configs.dpo_pivotal?.rows ?? 0,
    traces: best,
    gate: await readGate(manifest, dirname(manifestPath)),
  }
}

function dropsOf({ removed }: Manifest): readonly Drop[] {
  const merged = new Map<string, Drop>()
  for (const { stage, reason: full, rows } of removed.by_reason) {
    const reason = full.split(':')[0] as string
    const key = JSON.stringify([stage, reason])
    merged.set(key, { stage, reason, rows: rows + (merged.get(key)?.rows ?? 0) })
  }
  return [...merged.values()].sort((a, b) => b.rows - a.rows)
}

/** Rows of one trace come one after the other. */
async function* tracesOf(manifest: Manifest, folder: string): AsyncGenerator<TraceView> {
  let trace: PivotRow[] = []
  for (const { file } of manifest.configs.pivotal_tokens?.shards ?? []) {
    for await (const raw of readParquet(join(folder, file), { columns: Object.keys(pivotRow.shape) })) {
      const row = pivotRow.parse(raw)
      if (trace[0] !== undefined && trace[0].trace_id !== row.trace_id) {
        yield trace as unknown as TraceView
        trace = []
      }
      trace.push(row)
    }
  }
  if (trace.length > 0) yield trace as unknown as TraceView
}

/** Keeps one trace a problem, those with certified pairs and large confirmed changes first; of equals the earlier. */
function keepBest(best: TraceView[], trace: TraceView, most: number): void {
  const rival = best.findIndex(([{ question_id: id }]) => id === trace[0].question_id)
  if (rival >= 0 && worth(best[rival] as TraceView) >= worth(trace)) return
  if (rival >= 0) best.splice(rival, 1)
  best.push(trace)
  best.sort((a, b) => worth(b) - worth(a))
  best.length = Math.min(best.length, most)
}

const worth = (trace: TraceView): number =>
  trace.reduce((sum, { confirmed, prob_delta: delta, chosen_token: chosen }) => {
    return sum + (confirmed ? Math.abs(delta) : 0) + (chosen === null ? 0 : 0.5)
  }, 0)
