import type { Columns } from '../record/columns.ts'
import type { Stage } from './stage.ts'

type AnyStage = Stage<Columns, Columns>

/** What is wrong with the order of stages though it runs: models that are asked about problems, or about the seeds that
 *  problems are made from, before anybody has compared them with a benchmark, and traces that nobody compares once they are
 *  written. What is bought then may have to be thrown away. */
export function orderNotices(stages: readonly AnyStage[], source: Columns): string[] {
  const looksAt = (column: string) => (stage: AnyStage) => stage.decontaminates?.includes(column) === true
  const asksAfter = (made: number): number =>
    stages.findIndex(({ models = [] }, i) => i > made && models.length > 0)
  const maker = stages.findLastIndex(({ adds }) => 'problem' in adds)
  // Without problems all that is asked is asked of seeds.
  const made = maker < 0 && !('problem' in source) ? stages.length : maker
  const [asked, bought] = [asksAfter(-1), asksAfter(made)]
  const notices: string[] = []
  if (asked >= 0 && asked <= made && !stages.slice(0, asked).some(({ decontaminates }) => decontaminates))
    notices.push(
      `${stages[asked]?.name ?? ''} asks a model about texts that no stage before it has decontaminated. Put decontaminate({ against, fields: [...], as: 'seed' }) before it: what leaks is then dropped before it is paid for.`,
    )
  if (bought >= 0 && !stages.slice(Math.max(0, made), bought).some(looksAt('problem')))
    notices.push(
      `${stages[bought]?.name ?? ''} asks a model about problems that no stage before it has decontaminated. Put decontaminate({ against, as: 'problem' }) before it: what leaks is then dropped before it is paid for.`,
    )
  const written = stages.findLastIndex(({ adds }) => 'completion' in adds)
  if (written >= 0 && !stages.slice(written + 1).some(looksAt('completion')))
    notices.push(
      `${stages[written]?.name ?? ''} writes traces that no stage after it decontaminates. Put decontaminate({ against, fields: ['completion'] }) after it.`,
    )
  return notices
}
