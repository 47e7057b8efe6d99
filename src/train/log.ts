import { existsSync } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeWhole } from '../store/files.ts'
import { lossCurve } from './curve.ts'

/** One line of log.jsonl: what a step showed. */
export interface LogEntry {
  readonly step: number
  readonly loss: number
  readonly learning_rate: number
  readonly grad_norm: number
  readonly tokens_per_second: number
  /** DPO: mean of beta times the difference of log-ratios, nats. */
  readonly margin?: number
  /** DPO: share of pairs whose chosen side is preferred. */
  readonly accuracy?: number
  /** DPO: mean change of the chosen side's log-probability against the reference, nats. */
  readonly chosen_drift?: number
  /** GRPO, of all rollouts of the step: mean reward, mean length in tokens, rollouts without an end, and groups of equal
   *  rewards; `accuracy` is the share that the verifier accepts. */
  readonly reward?: number
  readonly length?: number
  readonly cut_off?: number
  readonly skipped_groups?: number
  /** GRPO, of the rollouts trained on: k3 and entropy in nats a token, and what grpo.ts says of the others. */
  readonly kl?: number
  readonly entropy?: number
  readonly clipped?: number
  readonly rollout_gap?: number
}

export interface TrainingLog {
  add(entry: LogEntry): Promise<void>
  /** Writes loss.svg and returns all entries. */
  finish(): Promise<readonly LogEntry[]>
}

/** Opens log.jsonl; entries after `step`, of an attempt that was killed, are dropped. */
export async function openLog(out: string, step: number): Promise<TrainingLog> {
  const path = join(out, 'log.jsonl')
  const lines = existsSync(path) ? (await readFile(path, 'utf8')).split('\n') : []
  const entries = lines.flatMap(parseEntry).filter((entry) => entry.step <= step)
  await writeWhole(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''))
  return {
    add: async (entry) => {
      entries.push(entry)
      await appendFile(path, `${JSON.stringify(entry)}\n`)
    },
    finish: async () => {
      await writeWhole(join(out, 'loss.svg'), lossCurve(entries))
      return entries
    },
  }
}

/** A torn last line is no entry. */
function parseEntry(line: string): LogEntry[] {
  try {
    return [JSON.parse(line) as LogEntry]
  } catch {
    return []
  }
}
