import { existsSync } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFailure, writeWhole } from '../store/files.ts'
import { lossCurve } from './curve.ts'

/** One line of log.jsonl: what a step showed, and under their names what the trainer adds. */
export interface LogEntry extends Readonly<Record<string, number>> {
  readonly step: number
  readonly loss: number
  readonly learning_rate: number
  /** Before clipping. */
  readonly grad_norm: number
  /** That the network read. */
  readonly tokens: number
  /** Tokens and padding. */
  readonly positions: number
  readonly tokens_per_second: number
}

export interface TrainingLog {
  add(entry: LogEntry): Promise<void>
  /** Writes loss.svg. */
  finish(): Promise<void>
}

/** Opens log.jsonl; entries after `step`, of an attempt that was killed, are dropped. */
export async function openLog(out: string, step: number): Promise<TrainingLog> {
  const path = logPath(out)
  const entries = (await readLog(out)).filter((entry) => entry.step <= step)
  await writeWhole(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  return {
    add: async (entry) => {
      entries.push(entry)
      await appendFile(path, `${JSON.stringify(entry)}\n`).catch((error: unknown) => {
        throw writeFailure(path, error)
      })
    },
    finish: async () => {
      await writeWhole(join(out, 'loss.svg'), lossCurve(entries))
    },
  }
}

const logPath = (out: string): string => join(out, 'log.jsonl')

/** Whole lines of a run's log. */
export async function readLog(out: string): Promise<readonly LogEntry[]> {
  const text = existsSync(logPath(out)) ? await readFile(logPath(out), 'utf8') : ''
  return text.split('\n').flatMap(parseEntry)
}

/** A torn last line is no entry. */
function parseEntry(line: string): LogEntry[] {
  try {
    return [JSON.parse(line) as LogEntry]
  } catch {
    return []
  }
}
