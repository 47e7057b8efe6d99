import { readRecords } from '../../src/store/records.ts'
import type { Tokenizer } from '../../src/model/model.ts'
import type { Sampler } from '../../src/nn/sampler.ts'
import type { Estimate } from '../../src/statistics/estimate.ts'
import { seedFor } from '../../src/statistics/random.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'

/** Most tokens of a worked answer, the end token included; the longest of the generator takes 61. */
const maxTokens = 96
/** Problems decoded together. */
const width = 64

/** Share of a file's problems solved: one sampled answer each, or the greedy one at temperature 0. An answer that is
 *  cut off counts as wrong. */
export async function passRate(
  sampler: Sampler,
  tokenizer: Tokenizer,
  file: string,
  temperature: number,
): Promise<Estimate> {
  const problems: { id: string; problem: string; answer: string }[] = []
  for await (const { value } of readRecords(file)) problems.push(value as (typeof problems)[number])
  let successes = 0
  for (let at = 0; at < problems.length; at += width) {
    const some = problems.slice(at, at + width)
    const drawn = await sampler.generate(
      some.map(({ problem }) => tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem }]))),
      {
        n: 1,
        maxTokens,
        temperature,
        topP: 1,
        topK: 0,
        seeds: some.map(({ id }) => seedFor('measure', id)),
      },
    )
    some.forEach(({ answer }, i) => {
      const completion = drawn[i]?.[0]
      if (completion?.finishReason !== 'stop') return
      const text = tokenizer.decode(completion.tokenIds.slice(0, -1))
      if (numericAnswer.verify(text, answer).verdict === 'equal') successes++
    })
  }
  return { successes, trials: problems.length }
}
