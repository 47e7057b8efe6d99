import { z } from 'zod'
import { writeWhole } from '../store/files.ts'
import { readRecords } from '../store/records.ts'
import { readReportData, type ReportData } from './data.ts'
import type { BeforeAfter } from './measured.ts'
import { type LogPoint, page } from './page.ts'

export interface ReportOptions {
  /** manifest.json of a finished run. */
  readonly manifest: string
  /** Pass rates on problems no stage saw. */
  readonly evaluation?: BeforeAfter | null
  /** log.jsonl of a training run. */
  readonly log?: string | null
  /** The HTML file to write. */
  readonly out: string
}

/** Writes the report of a run as one self-contained HTML file, and gives what it shows. */
export async function writeReport({
  manifest,
  evaluation = null,
  log = null,
  out,
}: ReportOptions): Promise<ReportData> {
  const data = await readReportData(manifest)
  const points = log === null ? [] : await readLog(log)
  await writeWhole(out, page({ data, evaluation, log: points }))
  return data
}

const logPoint = z.object({ step: z.number(), loss: z.number(), accuracy: z.number().optional() })

/** A torn line, of a run that was cut off, is no point. */
async function readLog(path: string): Promise<LogPoint[]> {
  const points: LogPoint[] = []
  for await (const { value } of readRecords(path)) {
    const parsed = logPoint.safeParse(value)
    if (parsed.success) points.push(parsed.data)
  }
  return points
}
