import { FulcrumError } from '../errors.ts'
import { col } from './columns.ts'

/** Text of a prompt for two kinds of consumer: those whose tokenizer puts its own beginning-of-sequence token before
 *  every text, and those that encode the text as it stands. */
export const promptTextColumns = {
  prompt: col.string(
    'rendered chat template; without a beginning-of-sequence token that tokenizers add by themselves',
  ),
  prompt_with_bos: col.string('the same with that token, as prompt_ids has it'),
}

/** Both texts of a prompt, given whole; `addedBos` is the token's text, null where none is added. */
export function promptTexts(
  whole: string,
  addedBos: string | null,
): { readonly prompt: string; readonly prompt_with_bos: string } {
  const starts = addedBos !== null && addedBos !== '' && whole.startsWith(addedBos)
  return { prompt: starts ? whole.slice(addedBos.length) : whole, prompt_with_bos: whole }
}

interface Written {
  readonly trace_id: string
  readonly completion: string
  readonly end_token: string | null
  readonly finish_reason?: string | null
}

/** A completion with the literal end token where its model ended it; one that was cut off has none. */
export function completionText(
  config: string,
  { trace_id, completion, end_token, finish_reason }: Written,
): string {
  if (completion === '') {
    throw new FulcrumError(
      'data',
      `Trace ${trace_id} is empty (${config})`,
      'Drop empty traces before they are written: a trainer would learn the end token alone.',
    )
  }
  return finish_reason === 'length' ? completion : completion + (end_token ?? '')
}
