import { z } from 'zod'

/** What one run of a program may take: loading it and answering all calls, or one stdin test. The sandbox's limit of
 *  processor time is in whole seconds; the wall clock is looser, so that a busy machine fails no good program. */
export const limitsSchema = z.strictObject({
  cpuSeconds: z.int().min(1).max(600).default(5).describe('processor time of one run of a program, seconds'),
  wallMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(20_000)
    .describe('time of one run by the clock, milliseconds'),
  memoryBytes: z
    .int()
    .min(2 ** 26)
    .default(2 ** 29)
    .describe('address space of a program, bytes'),
  outputBytes: z
    .int()
    .min(1000)
    .default(2 ** 22)
    .describe('most that a program may print or answer, bytes'),
})

export type Limits = z.output<typeof limitsSchema>
