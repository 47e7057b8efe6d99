import type { Columns } from '../record/columns.ts'
import { type Outcome, type RowWork, rowWorkOf, unchanged } from './constructors.ts'
import type { Step } from './pipeline.ts'
import type { Run, Stage } from './stage.ts'

/** What a run does with the rows that flow by. */
export interface FlowEnds {
  readonly run: Run
  /** A row left the source (0) or a stage (1..). */
  passed(stage: number): void
  /** A shape made a row of its config. */
  write(config: string, row: object): Promise<void>
}

/** Rows in groups: how many are in one has no meaning, it only makes the async steps between stages rare. */
type Groups = AsyncIterable<readonly object[]>

/** Rows through all steps, in order. Stages that take one row at a time run as plain function calls, a whole row
 *  of them in one go (test/bench/pipeline.bench.ts); a stage with a window, or one written by hand, is a stream. */
export function flow(steps: readonly Step[], source: Groups, ends: FlowEnds): Groups {
  let rows = counted(source, ends, 0)
  let parts: Part[] = []
  let stages = 0
  for (const step of steps) {
    const at = step.kind === 'stage' ? ++stages : stages
    const work = step.kind === 'stage' ? rowWorkOf(step.stage) : undefined
    if (step.kind === 'shape') parts.push({ kind: 'shape', shape: step.shape })
    else if (work !== undefined) parts.push({ kind: 'stage', name: step.stage.name, work, at })
    else {
      if (parts.length > 0) rows = inOneGo(rows, parts, ends)
      parts = []
      rows = counted(streamed(rows, step.stage, ends.run), ends, at)
    }
  }
  return parts.length > 0 ? inOneGo(rows, parts, ends) : rows
}

type Part =
  | { readonly kind: 'stage'; readonly name: string; readonly work: RowWork; readonly at: number }
  | { readonly kind: 'shape'; readonly shape: Extract<Step, { kind: 'shape' }>['shape'] }

async function* inOneGo(groups: Groups, parts: readonly Part[], ends: FlowEnds): AsyncGenerator<object[]> {
  const { run } = ends
  let done: object[] = []
  let made: { config: string; row: object }[] = []

  /** Takes a row through the parts from `at` on; a promise if it has to wait somewhere. */
  const pass = (row: object, at: number): Promise<void> | undefined => {
    const part = parts[at]
    if (part === undefined) {
      done.push(row)
      return undefined
    }
    if (part.kind === 'shape') {
      for (const shaped of part.shape.rows(row as never))
        made.push({ config: part.shape.config, row: shaped })
      return pass(row, at + 1)
    }
    const outcome = part.work(row, run)
    return outcome instanceof Promise
      ? outcome.then((waited) => settle(row, waited, part, at, 0))
      : settle(row, outcome, part, at, 0)
  }
  const settle = (
    row: object,
    outcome: Outcome<object>,
    part: Extract<Part, { kind: 'stage' }>,
    at: number,
    from: number,
  ): Promise<void> | undefined => {
    if ('drop' in outcome) {
      run.drop(part.name, row, outcome.drop)
      return undefined
    }
    for (let i = from; i < outcome.length; i++) {
      ends.passed(part.at)
      const next = outcome === unchanged ? row : { ...row, ...outcome[i] }
      const waits = pass(next, at + 1)
      if (waits !== undefined) return waits.then(() => settle(row, outcome, part, at, i + 1))
    }
    return undefined
  }
  const handOn = async (): Promise<object[]> => {
    const [rows, shaped] = [done, made]
    done = []
    made = []
    for (const { config, row } of shaped) await ends.write(config, row)
    return rows
  }

  for await (const group of groups) {
    for (const row of group) {
      run.signal.throwIfAborted()
      const waits = pass(row, 0)
      if (waits !== undefined) await waits
      if (waits !== undefined || done.length >= group.length) yield await handOn()
    }
    yield await handOn()
  }
}

/** Through a stage that wants the stream itself. */
async function* streamed(
  groups: Groups,
  stage: Stage<Columns, Columns>,
  run: Run,
): AsyncGenerator<readonly object[]> {
  for await (const row of stage.apply(oneByOne(groups) as AsyncIterable<never>, run)) yield [row]
}

function oneByOne(groups: Groups): AsyncIterable<object> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = groups[Symbol.asyncIterator]()
      let group: readonly object[] = []
      let at = 0
      return {
        next: async () => {
          while (at >= group.length) {
            const result = await iterator.next()
            if (result.done === true) return { done: true, value: undefined }
            group = result.value
            at = 0
          }
          return { done: false, value: group[at++] as object }
        },
        return: async () => {
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}

async function* counted(groups: Groups, ends: FlowEnds, at: number): AsyncGenerator<readonly object[]> {
  for await (const group of groups) {
    for (let i = 0; i < group.length; i++) ends.passed(at)
    yield group
  }
}
