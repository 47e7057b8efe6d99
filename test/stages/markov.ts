import type { Model, Tokenizer } from '../../src/model/model.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { rngFor } from '../../src/statistics/random.ts'
import type { Verifier } from '../../src/verify/verifier.ts'

const letters = 'xyAB01\n|'
const endId = letters.length

/** One token a letter; `|` renders the chat, `<end>` ends it. */
export const tokenizer: Tokenizer = {
  sha256: 'f'.repeat(64),
  chatTemplateSha256: null,
  vocabularySize: 0,
  eos: { id: endId, text: '<end>' },
  addedBos: null,
  encode: (text) =>
    Array.from(text.replaceAll('<end>', '\0'), (letter) =>
      letter === '\0' ? endId : letters.indexOf(letter),
    ),
  decode: (ids) => ids.map((id) => (id === endId ? '<end>' : letters.charAt(id))).join(''),
  renderChat: (messages) => `${messages.map(({ content }) => content).join('')}|`,
}

export const lastDigit: Verifier = {
  id: 'last-digit/1',
  verify: (completion, answer) => ({
    verdict: completion.endsWith(answer) ? 'equal' : 'different',
    extracted: completion.slice(-1),
    reason: null,
  }),
}

/** Probability that the answer is 1, by the letters chosen at tokens 3 and 6. */
const right: Readonly<Record<string, number>> = { AA: 0.98, AB: 0.4, BA: 0.3, BB: 0.02 }
const [firstA, secondA, sure] = [0.5, 0.5, 0.99]

/** The planted policy `xxCxxCxD<end>`: pivotal are the two choices, and the digit where it is not yet sure. */
export function nextTokens(text: string): readonly (readonly [letter: string, probability: number])[] {
  const at = text.length
  if (at === 2) return [['A', firstA], ['B', 1 - firstA]] // prettier-ignore
  if (at === 5) return [['A', secondA], ['B', 1 - secondA]] // prettier-ignore
  if (at === 7) return [['1', digit(text)], ['0', 1 - digit(text)]] // prettier-ignore
  if (at >= 8) return [['<end>', 1]]
  return [['x', sure], ['y', 1 - sure]] // prettier-ignore
}

const digit = (text: string): number => right[`${text[2]}${text[5]}`] as number

/** True success probability after `text`. */
export function valueOf(text: string): number {
  if (text.length >= 8) return text[7] === '1' ? 1 : 0
  return nextTokens(text).reduce((sum, [letter, p]) => sum + p * valueOf(text + letter), 0)
}

export interface MarkovOptions {
  /** Turns of the event loop before a completion is there. */
  readonly latency?: (correct: boolean, i: number) => number
}

/** The planted policy behind the Model interface, with exact log-probabilities. It keeps from the first tokens that a request
 *  forbids; that it says so is left to whoever wants it. */
export function markovModel({ latency }: MarkovOptions = {}): Model & {
  readonly calls: ReturnType<typeof scriptedModel>['calls']
} {
  return scriptedModel({
    id: 'markov',
    tokenizer,
    complete: async (prompt, i, options) => {
      if (prompt.kind !== 'tokens') throw new TypeError('prefixes travel as token ids')
      const before = answerPart(prompt.ids)
      const random = rngFor(options.seed, i)
      const banned = (options.bannedFirst ?? []).map((id) => tokenizer.decode([id]))
      const logprobs: number[] = []
      let text = ''
      while (logprobs.length < options.maxTokens && !text.endsWith('<end>')) {
        const [letter, p] = draw(before + text, random.next(), text === '' ? banned : [])
        text += letter
        logprobs.push(Math.log(p))
      }
      const finished = text.endsWith('<end>')
      for (let turn = latency?.((before + text).endsWith('1<end>'), i) ?? 0; turn > 0; turn--)
        await new Promise((resolve) => setImmediate(resolve))
      return { text: text.replace('<end>', ''), logprobs, finishReason: finished ? 'stop' : 'length' }
    },
    score: (ids, from) =>
      ids.slice(from).map((id, k) => {
        const options = nextTokens(answerPart(ids.slice(0, from + k)))
        return Math.log(options.find(([letter]) => letter === tokenizer.decode([id]))?.[1] ?? 0)
      }),
  })
}

const answerPart = (ids: readonly number[]): string => tokenizer.decode(ids).split('|')[1] ?? ''

/** A letter by chance, and its probability among those that are not banned. */
function draw(text: string, uniform: number, banned: readonly string[]): readonly [string, number] {
  const options = nextTokens(text).filter(([letter]) => !banned.includes(letter))
  const all = options.reduce((sum, [, p]) => sum + p, 0)
  let left = uniform * all
  for (const [letter, p] of options) {
    left -= p
    if (left < 0) return [letter, p / all]
  }
  const [letter, p] = options.at(-1) as readonly [string, number]
  return [letter, p / all]
}
