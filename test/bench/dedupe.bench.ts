/** Near-duplicates of a million documents of about 60 words, one in five an edited copy of an earlier one: peak memory and
 *  the time of each part. `node --import ./test/bench/strip-types.js test/bench/dedupe.bench.ts`. */
import { type CorpusDocument, documentSource } from '../../src/stages/deduplicate/documents.ts'
import { findDuplicates } from '../../src/stages/deduplicate/find-duplicates.ts'
import { checkedOptions } from '../../src/stages/deduplicate/options.ts'
import { type Figure, main } from './figure.ts'

const documents = Number(process.env.DOCUMENTS ?? 1_000_000)
const wordsEach = 60

/** A cheap stream of numbers (xorshift32): the bench should not measure its own corpus. */
function stream(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

function textOf(document: number): string {
  const copied = document % 5 === 4
  const next = stream(copied ? document - 4 : document)
  const edits = stream(document + 7)
  let text = ''
  for (let i = 0; i < wordsEach; i++) {
    const word = next() % 50_000
    text += copied && edits() % 50 === 0 ? ' edited' : ` w${word.toString(36)}`
  }
  return text
}

async function* corpus(): AsyncGenerator<CorpusDocument> {
  await Promise.resolve()
  for (let document = 0; document < documents; document++) yield { text: textOf(document), passRate: null }
}

async function bench(): Promise<Figure[]> {
  const start = performance.now()
  const found = await findDuplicates(documentSource(corpus), checkedOptions({}))
  const seconds = (performance.now() - start) / 1000
  let kept = 0
  for (const size of found.size) if (size > 0) kept++
  console.log({ kept, seconds, linked: found.near?.linked, maxrss: process.resourceUsage().maxRSS / 1024 })
  return []
}
await main(import.meta.url, bench)
