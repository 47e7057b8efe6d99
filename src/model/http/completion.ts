import type { Completion, Tokenizer, TokenScore } from '../model.ts'
import { isPlain, oneValue, samplerBounds, type Taken, type Top } from './conversion.ts'
import type { Drawn, Given, Reply, Rule } from './dialect.ts'

/** How log-probabilities are read. */
export interface Reading {
  readonly tokenizer: Tokenizer | null
  /** Of what a server draws. What it scores is always before temperature. */
  readonly taken: Taken
}

/** Likeliest tokens a request must list for the sampler's own log-probabilities: top-k leaves no others, and the one behind tells
 *  whether the last ties. Elsewhere a list
 *  would seldom hold all that matters, and is long. */
export const listFor = ({ topK, temperature }: Rule, mostTop: number): number =>
  temperature > 0 && topK > 0 && topK <= mostTop ? Math.min(topK + 1, mostTop) : 1

/** A list that lacks tokens it was asked for says nothing of the others, unless it holds all that are possible. */
function wholeList(top: Top | null | undefined, asked: number): Top {
  if (!top) return []
  const mass = top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
  return top.length >= asked || mass > 1 - 1e-6 ? top : []
}

/** A completion of what was drawn. With a tokenizer the text is that of the exact ids. */
export function completionOf(of: Drawn, reply: Reply, rule: Rule, { tokenizer, taken }: Reading): Completion {
  const counted = Math.round((reply.completionTokens ?? 0) / reply.drawn.length)
  const promptTokens = reply.promptTokens ?? reply.promptIds?.length ?? 0
  if (tokenizer === null || of.ids === null) {
    return {
      text: of.text,
      tokenIds: null,
      logprobs: null,
      modelLogprobs: null,
      finishReason: of.ended ? 'stop' : 'length',
      completionTokens: of.ids?.length ?? counted,
      promptTokens,
    }
  }
  const { ids, given, ended } = whole(of, of.ids, tokenizer)
  const known = ids.length === given && of.reported !== null
  const reported = known ? of.reported.slice(0, given) : null
  const top = known ? (of.top?.slice(0, given) ?? null) : null
  return {
    text: tokenizer.decode(ended ? ids.slice(0, -1) : ids),
    tokenIds: ids,
    logprobs: reported === null ? null : samplerLogprobs(ids, { reported, top }, rule, { tokenizer, taken }),
    modelLogprobs: taken === 'model' || (rule.temperature === 1 && isPlain(rule)) ? reported : null,
    finishReason: ended ? 'stop' : 'length',
    completionTokens: of.ids.length,
    promptTokens,
  }
}

/** Ids that end in the end token, and how many of them the server gave. Servers leave it out, or stop at another end token
 *  of the model's: both count as the end, but then its log-probability is not known. Some go on behind it. */
function whole(
  { ended, stop }: Drawn,
  ids: readonly number[],
  { eos }: Tokenizer,
): { ids: readonly number[]; given: number; ended: boolean } {
  const at = ids.indexOf(eos.id)
  if (at >= 0) return { ids: ids.slice(0, at + 1), given: at + 1, ended: true }
  if (!ended) return { ids, given: ids.length, ended }
  const open = ids.length > 0 && ids.at(-1) === stop ? ids.slice(0, -1) : ids
  return { ids: [...open, eos.id], given: open.length, ended }
}

function samplerLogprobs(
  ids: readonly number[],
  { reported, top }: { readonly reported: readonly number[]; readonly top: Drawn['top'] },
  rule: Rule,
  reading: Reading,
): number[] | null {
  // Greedy sampling has one possible token.
  if (rule.temperature === 0) return ids.map(() => 0)
  const all: number[] = []
  for (const [i, id] of ids.entries()) {
    const token = { id, logprob: reported[i] as number }
    const bounds = samplerBounds(token, wholeList(top?.[i], Math.max(1, rule.topK)), rule, optionsOf(reading))
    // A token that was drawn has a probability; if the list says otherwise the server cuts off in another way.
    if (bounds === null || bounds.low === -Infinity || bounds.high - bounds.low > oneValue) return null
    all.push(bounds.low)
  }
  return all
}

/** What the sampler makes of a given token, of whose place `asked` likeliest tokens were wanted; null where the server's list
 *  does not say. */
export function scoreOf(
  id: number,
  { logprob, top }: Given,
  {
    rule,
    asked,
    tokenizer,
  }: { readonly rule: Rule; readonly asked: number; readonly tokenizer: Tokenizer | null },
): TokenScore | null {
  const reading = optionsOf({ tokenizer, taken: 'model' })
  const bounds = samplerBounds({ id, logprob }, wholeList(top, asked), rule, reading)
  if (bounds === null) return null
  const isOne = bounds.low === bounds.high || bounds.high - bounds.low <= oneValue
  return {
    logprob: bounds.low,
    entropy: null,
    isGreedy: top?.[0] === undefined ? null : logprob >= top[0].logprob,
    ...(!isOne && { isLowerBound: true as const }),
  }
}

/** Weights have rows beyond the tokenizer's ids, for the sake of their shape: some hundreds in the models of 2024-26. */
const padding = 2048

const optionsOf = ({ tokenizer, taken }: Reading): { taken: Taken; vocabulary: number } => ({
  taken,
  vocabulary: (tokenizer?.vocabularySize ?? 2 ** 18) + padding,
})
