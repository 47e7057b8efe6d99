import { basename } from 'node:path'
import type { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import { expand, type Outcome } from '../../pipeline/constructors.ts'
import type { Source } from '../../pipeline/source.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Column, type Columns, type Row } from '../../record/columns.ts'
import { type CorpusDocument, documentSource } from './documents.ts'
import { type DuplicateKind, type Duplicates, findDuplicates } from './find-duplicates.ts'
import { checkedOptions, type DuplicateOptions, type duplicateOptions } from './options.ts'

const adds = {
  dup_cluster: col.string('id of the row that stays for the cluster: this row, as the others are dropped'),
  dup_cluster_size: col.int32('rows of the source in the cluster, this one among them; 1 has no duplicate'),
}

type Needs<Field extends string> = Readonly<Record<Field | 'id', Column<string>>>

export interface DeduplicateOptions<Field extends string> extends z.input<typeof duplicateOptions> {
  /** The source of the pipeline this stage is in: all its rows are compared, whatever shard they are in. With `keep`
   *  pass-rate it has a column pass_rate. */
  readonly source: Source<Columns>
  /** Column of the source whose texts are compared. */
  readonly field: Field
}

/** Drops rows whose text is a duplicate of another row's, and marks those that stay with their cluster. Its scope is the
 *  whole source: before the first row it reads the source itself (twice for near-duplicates) and decides for every row, so
 *  that the outcome depends neither on shards nor on what is resumed. A row that an earlier stage dropped may so be the one that
 *  another was dropped for: put this stage first, or at least before stages that drop. Dropped rows are kept in
 *  `removed` with dup_cluster, dup_kind and dup_jaccard. */
export function deduplicate<Field extends string>(
  given: DeduplicateOptions<Field>,
): Stage<Needs<Field>, typeof adds> {
  const { source, field, ...rest } = given
  const options = checkedOptions(rest)
  for (const name of ['id', field, ...(options.keep === 'pass-rate' ? ['pass_rate'] : [])])
    checkColumn(source, name)

  let decide: Decide | undefined
  let deciding: Promise<Decide> | undefined
  const prepare = (run: Run): Promise<Decide> =>
    (deciding ??= decisions(source, field, options, run).then((made) => (decide = made)))
  const each = (
    row: Row<Needs<Field>>,
    run: Run,
  ): Outcome<Row<typeof adds>> | Promise<Outcome<Row<typeof adds>>> =>
    decide === undefined
      ? prepare(run).then((made) => outcomeOf(row, made(row.id as string, row[field] as string), run))
      : outcomeOf(row, decide(row.id as string, row[field] as string), run)
  return expand<Needs<Field>, typeof adds>({
    name: 'deduplicate',
    needs: { id: col.string('identity'), [field]: col.string('text to compare') } as unknown as Needs<Field>,
    adds,
    options: { ...options, field, files: source.files.map((file) => basename(file)) },
    each,
  })
}

function outcomeOf(row: object, decision: Decision, run: Run): Outcome<Row<typeof adds>> {
  const { cluster, size, kind, jaccard } = decision
  if (kind === null) return [{ dup_cluster: cluster, dup_cluster_size: size }]
  run.drop(
    'deduplicate',
    { ...row, dup_cluster: cluster, dup_kind: kind, dup_jaccard: jaccard },
    `${kind} duplicate`,
  )
  return []
}

interface Decision {
  /** Id of the row that stays. */
  readonly cluster: string
  readonly size: number
  /** Null for the row that stays. */
  readonly kind: DuplicateKind | null
  readonly jaccard: number
}

type Decide = (id: string, text: string) => Decision

async function decisions(
  source: Source<Columns>,
  field: string,
  options: DuplicateOptions,
  run: Run,
): Promise<Decide> {
  const places = new Map<string, number>()
  const lengths: number[] = []
  const read = async function* (): AsyncGenerator<CorpusDocument> {
    let document = 0
    for await (const { row, reason } of source.rows()) {
      if (reason !== null) continue
      const values = row as Readonly<Record<string, unknown>>
      const text = values[field] as string
      places.set(values.id as string, document)
      lengths[document++] = text.length
      const rate = values.pass_rate
      yield { texts: [text], passRate: typeof rate === 'number' ? rate : null }
    }
  }
  const found = await findDuplicates(documentSource(read), options, run.signal)
  return decideBy(found, places, lengths)
}

function decideBy(
  found: Duplicates,
  places: ReadonlyMap<string, number>,
  lengths: readonly number[],
): Decide {
  const { representative, size, jaccard, kindOf } = found
  const ids = new Map<number, string>()
  for (const [id, document] of places) if ((size[document] as number) > 1) ids.set(document, id)
  return (id, text) => {
    const document = places.get(id)
    // The length tells a source of other rows under the same ids.
    if (document === undefined || lengths[document] !== text.length) {
      throw new FulcrumError(
        'plan',
        `deduplicate: the row ${id} is not in the stage's source as it is here`,
        'Give the stage the source of its own pipeline.',
      )
    }
    const stays = representative[document] as number
    return {
      cluster: ids.get(stays) ?? id,
      size: size[stays] as number,
      kind: stays === document ? null : kindOf(document),
      jaccard: jaccard[document] as number,
    }
  }
}

function checkColumn(source: Source<Columns>, name: string): void {
  if (name in source.columns) return
  throw new FulcrumError(
    'plan',
    `deduplicate needs a column ${name}, which its source has not`,
    `The source has ${Object.keys(source.columns).join(', ')}.`,
  )
}
