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
