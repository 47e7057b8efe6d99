import type { z } from 'zod'
import type { Columns } from '../record/columns.ts'
import type { Pipeline } from './pipeline.ts'

/** A pipeline file's default export: name, options (from which come flags and help) and how it is put together. */
export interface PipelineDefinition<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string
  readonly description: string
  /** A command line that runs it, for help and docs. */
  readonly example?: string
  /** Licence of what it makes, as the Hub names it: mit, apache-2.0, cc-by-4.0. */
  readonly licence?: string
  readonly options: Options
  readonly build: (options: z.output<Options>) => Pipeline<Columns> | Promise<Pipeline<Columns>>
}

/** Types a pipeline file's parts against each other. */
export function definePipeline<Options extends z.ZodObject, Have extends Columns>(
  definition: Omit<PipelineDefinition<Options>, 'build'> & {
    readonly build: (options: z.output<Options>) => Pipeline<Have> | Promise<Pipeline<Have>>
  },
): PipelineDefinition<Options> {
  return definition
}
