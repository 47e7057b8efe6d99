import type { Catalogue } from './catalogue.ts'
import type { Check } from './endpoint.ts'
import type { Probed } from './probe.ts'

const takenWords = {
  model: 'before temperature: converted where top-k leaves only listed tokens, else null',
  tempered:
    'after temperature, before truncation: taken as they are, converted where top-k leaves only listed tokens',
  sampler: "after truncation: the sampler's own",
  unknown: 'of temperature 1 without truncation only: the probe could not tell what others are of',
} as const

/** What was found out about a token endpoint, in words. */
export function checksOf({ dialect, reading, capabilities, fit }: Probed, { context }: Catalogue): Check[] {
  const { tokenIdsIn, tokenIdsOut, samplerLogprobs, score, bannedFirst = false, seeds = false } = capabilities
  const { atOnce } = dialect
  const check = (what: string, ok: boolean | null, yes: string, no: string): Check => ({
    what,
    ok,
    detail: ok === true ? yes : no,
  })
  const exact = tokenIdsIn && tokenIdsOut
  const compared = fit === null ? 'needs exact token ids' : 'the server offers nothing to compare with'
  return [
    check('token-id prompts', tokenIdsIn, 'repeated or counted as sent', noIds(reading.tokenizer === null)),
    check('token ids out', tokenIdsOut, "read as the server's own text", noIds(reading.tokenizer === null)),
    check('log-probabilities', samplerLogprobs, takenWords[reading.taken], 'none of what is drawn'),
    check(
      'scores of given tokens',
      score,
      'equal to those it drew with',
      exact ? 'none, or others' : compared,
    ),
    check('forced other token', bannedFirst, 'a banned token did not come', 'a ban is refused or ignored'),
    check('seeds', seeds, 'repeat, the next completion is the next seed', 'a repeated request draws anew'),
    check('completions a request', atOnce > 1, `up to ${atOnce}`, 'one'),
    check('vocabulary', fit?.vocabulary ?? null, "has the tokenizer's highest id", compared),
    check('tokenizer', fit?.tokens ?? null, 'the server spells a text with special tokens alike', compared),
    check('chat template', fit?.template ?? null, 'the server renders a chat alike', compared),
    check('context', context === null ? null : true, `${context} tokens`, 'not told'),
  ]
}

const noIds = (withoutTokenizer: boolean): string =>
  withoutTokenizer ? 'not tried without --tokenizer FOLDER' : 'refused, ignored or not given'
