import { z } from 'zod'
import { IncompleteReply } from './failure.ts'

/** A reply as the schema has it; one that lacks something was cut off somewhere, and is asked for again. */
export function readAs<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return data
  const [issue] = error.issues
  throw new IncompleteReply(`the reply has no ${issue?.path.join('.') || 'JSON object'}`)
}

/** Choices in launch order: servers need not keep it. */
export const inOrder = <T extends { readonly index?: number | null | undefined }>(
  choices: readonly T[],
): T[] => [...choices].sort((a, b) => (a.index ?? 0) - (b.index ?? 0))

/** Values as log-probabilities of so many tokens; null unless all are there. Rounding takes them above 0 by little. */
export function logprobsOf(
  values: readonly (number | null | undefined)[] | null | undefined,
  length: number,
): number[] | null {
  if (values?.length !== length) return null
  const found = values.filter((value) => typeof value === 'number' && value <= 1e-6)
  return found.length === length ? found.map((value) => Math.min(value as number, 0)) : null
}
