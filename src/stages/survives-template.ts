import { filter, type NoColumns } from '../pipeline/constructors.ts'
import type { Stage } from '../pipeline/stage.ts'
import { col, type Column } from '../record/columns.ts'
import { answered, type ChatMessage, wholeThought } from '../record/messages.ts'
import { type ChatTemplate, lossOf } from '../record/round-trip.ts'

export interface SurvivesTemplateOptions<Field extends string> {
  /** The template of the model to be trained: its tokenizer. */
  readonly template: ChatTemplate
  /** Columns with answers, each checked in a conversation of its own; `completion` by default. */
  readonly fields?: readonly Field[]
}

type Needs<Field extends string> = Readonly<Record<Field | 'problem', Column<string>>>

/** Drops rows that configs of messages (sft, dpo_full) would refuse: those that the chat template of the model to be
 *  trained does not give back byte for byte. Text configs need no such stage. */
export function survivesTemplate<Field extends string = 'completion'>({
  template,
  fields,
}: SurvivesTemplateOptions<Field>): Stage<Needs<Field>, NoColumns> {
  const looked: readonly string[] = fields ?? ['completion']
  const needs = Object.fromEntries(['problem', ...looked].map((name) => [name, col.string('text')]))
  return filter({
    name: 'survivesTemplate',
    needs: needs as Needs<Field>,
    options: { fields: looked, template: template.chatTemplateSha256 },
    reject: (row) => {
      for (const messages of conversationsOf(row, looked)) {
        const loss = lossOf(template, messages)
        if (loss !== null) return loss
      }
      return null
    },
  })
}

/** What the shapes would write: a conversation that is there whole, else one for each answer. */
function conversationsOf(
  row: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): (readonly ChatMessage[])[] {
  if (Array.isArray(row['messages'])) return [row['messages'] as ChatMessage[]]
  const asked = row as unknown as Parameters<typeof answered>[0]
  return fields.map((field) => answered(asked, wholeThought(row[field] as string)))
}
