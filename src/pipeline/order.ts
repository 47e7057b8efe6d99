import type { Columns } from '../record/columns.ts'
import type { Stage } from './stage.ts'

/** What is wrong with the order of stages though it runs: models that are asked about problems nobody has compared with a
 *  benchmark, and traces that nobody compares once they are written. What is bought then may have to be thrown away. */
export function orderNotices(stages: readonly Stage<Columns, Columns>[]): string[] {
  const looksAt = (column: string) => (stage: Stage<Columns, Columns>) =>
    stage.decontaminates?.includes(column) === true
  const bought = stages.findIndex(({ models = [] }) => models.length > 0)
  const written = stages.findLastIndex(({ adds }) => 'completion' in adds)
  const notices: string[] = []
  if (bought >= 0 && !stages.slice(0, bought).some(looksAt('problem')))
    notices.push(
      `${stages[bought]?.name ?? ''} asks a model about problems that no stage before it has decontaminated. Put decontaminate({ against, as: 'problem' }) before it: what leaks is then dropped before it is paid for.`,
    )
  if (written >= 0 && !stages.slice(written + 1).some(looksAt('completion')))
    notices.push(
      `${stages[written]?.name ?? ''} writes traces that no stage after it decontaminates. Put decontaminate({ against, fields: ['completion'] }) after it.`,
    )
  return notices
}
