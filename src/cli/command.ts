import type { z } from 'zod'
import type { PipelineDefinition } from '../pipeline/define.ts'

/** 0 done, 1 a check failed, 2 wrong use or error, 75 stopped at a cap (EX_TEMPFAIL of sysexits.h: the same command goes on),
 *  130 interrupted after bookkeeping. */
export type ExitCode = 0 | 1 | 2 | 75 | 130

/** The world as a command sees it. */
export interface Terminal {
  /** Data: a line to stdout. */
  readonly print: (text: string) => void
  /** Anything else: raw text to stderr. */
  readonly tell: (text: string) => void
  /** stderr is a terminal, so that a line may be drawn over. */
  readonly live: boolean
  /** Characters in a line of it. */
  readonly width: number
  /** Milliseconds, of any origin. */
  readonly now: () => number
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal
}

export interface Input<Options> {
  readonly options: Options
  readonly positionals: readonly string[]
  /** Of a command with `takesPipeline`: the file's definition and its own options. */
  readonly pipeline: { readonly definition: PipelineDefinition; readonly options: object } | null
}

/** One command; its parser, its help and its page in the docs all come from this value. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly positionals: readonly { readonly name: string; readonly meaning: string }[]
  readonly options: z.ZodObject
  readonly example: string
  /** The first positional is a pipeline, whose options are this command's options too. */
  readonly takesPipeline: boolean
  readonly run: (input: Input<Record<string, unknown>>, terminal: Terminal) => Promise<ExitCode>
}

/** Types a command's options against its `run`. */
export function command<Options extends z.ZodObject>(
  of: Omit<Command, 'options' | 'run' | 'takesPipeline'> & {
    readonly options: Options
    readonly takesPipeline?: boolean
    readonly run: (input: Input<z.output<Options>>, terminal: Terminal) => Promise<ExitCode>
  },
): Command {
  return { takesPipeline: false, ...of, run: of.run as Command['run'] }
}
