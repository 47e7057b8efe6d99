import { createHash } from 'node:crypto'
import type { Prompt, SampleOptions, ScoreOptions, Tokenizer } from '../model.ts'

/** Reads of answers that were made by other code than this are not trusted: raise it whenever the engines read a reply
 *  otherwise than before. Raw replies are not kept beside what was read of them: with lists of likely tokens they are 23 to 120
 *  times as long, and an answer of a chat has all of its text already. */
export const parserVersion = 2

/** What is asked, whatever the sampler: endpoint, model, and the prompt as the model gets it. */
export function promptKey(
  asked: { readonly endpoint: string; readonly model: string; readonly tokenizer: Tokenizer | null },
  prompt: Prompt,
): string {
  const { endpoint, model, tokenizer } = asked
  return digest([endpoint, model, renderedBy(tokenizer, prompt)])
}

/** The sampler, whatever fields it has, without its length limit, which is compared answer by answer, and without the number
 *  of samples. */
export const samplerKey = (options: SampleOptions): string =>
  digest(fieldsOf(options, ['n', 'maxTokens', 'signal', 'onUsage']))

/** The sampler that scores; the first token scored is compared answer by answer. Callers that pass on their sample options
 *  give a seed and a length too, which score nothing. */
export const scoreKey = (options: ScoreOptions): string =>
  digest(['score', fieldsOf(options, ['from', 'signal', 'onUsage', 'n', 'seed', 'maxTokens'])])

const fieldsOf = (options: object, but: readonly string[]): [string, unknown][] =>
  Object.entries(options)
    .filter(([name, value]) => value !== undefined && !but.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))

/** A chat that is rendered here is the text it becomes: another template is another prompt. */
function renderedBy(tokenizer: Tokenizer | null, prompt: Prompt): unknown {
  if (prompt.kind === 'tokens') return prompt.ids
  if (prompt.kind === 'text') return prompt.text
  if (tokenizer !== null) return tokenizer.renderChat(prompt.messages)
  return prompt.messages.map(({ role, content }) => ({ role, content }))
}

/** 144 bits: two of 10^12 requests meet with probability 10^-20. */
const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 24)
