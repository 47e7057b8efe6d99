import type { Tokenizer } from '../../src/model/model.ts'
import { firstByte, special } from '../fixtures/byte-tokenizer.ts'
import { vocabulary } from '../fixtures/dialect-policy.ts'
import type { Serving } from '../fixtures/dialects.ts'
import { nextTokens } from './markov.ts'

/** The planted world of markov.ts as a server's model: bytes for letters. */
export const markovServing = (tokenizer: Tokenizer): Serving => ({
  tokenizer,
  deterministic: true,
  next: (ids) => {
    const answer = tokenizer.decode(ids.slice(ids.lastIndexOf(special.assistant) + 1))
    const logprobs = Array<number>(vocabulary).fill(-Infinity)
    for (const [letter, p] of nextTokens(answer))
      logprobs[letter === '<end>' ? special.end : firstByte + letter.charCodeAt(0)] = Math.log(p)
    return logprobs
  },
})
