import { FulcrumError } from '../../errors.ts'
import type { BatchOnServer } from './service.ts'

/** How a batch ended, if it is for somebody to look at; null where its open requests may go into another. */
export function endOf({ id, status, errors }: BatchOnServer): FulcrumError | null {
  if (status === 'cancelled')
    return new FulcrumError(
      'model',
      `Batch ${id} was cancelled`,
      'Its answers are kept. Run the same command again: what is open goes into another batch; or leave out --batch.',
    )
  if (status !== 'failed') return null
  const told = errors?.data?.map(({ code, message }) => message ?? code ?? '') ?? []
  const isTooLarge = errors?.data?.some(({ code }) => code === 'token_limit_exceeded') ?? false
  return new FulcrumError(
    'model',
    `The server refuses batch ${id}: ${[...new Set(told)].slice(0, 3).join('; ') || 'it does not say why'}`,
    isTooLarge
      ? 'Wait until other batches of this account are done, or make them smaller with --batch-requests; then run the same command again.'
      : 'Nothing of it was paid for. Mend that, then run the same command again; or leave out --batch.',
  )
}

/** The server will not answer this one, however often it is asked. */
export const refusedBy = (who: string, why: string): FulcrumError =>
  new FulcrumError(
    'model',
    `${who} refuses a request of a batch (${why})`,
    'The answers of the others are kept. Check that the model takes these options and this text.',
  )

/** It was asked often enough. */
export const neverAnswered = (who: string, why: string, tries: number): FulcrumError =>
  new FulcrumError(
    'model',
    `${who} left a request without an answer in ${tries} batches (${why})`,
    'The answers of the others are kept. Run the same command again later, or without --batch: then it is asked by itself.',
  )
