import { rngFor } from '../../statistics/random.ts'
import { createSigner } from '../../text/minhash.ts'
import { documentSource } from '../deduplicate/documents.ts'
import { findDuplicates } from '../deduplicate/find-duplicates.ts'
import { checkedOptions } from '../deduplicate/options.ts'
import { quantile } from './ngram-diversity.ts'

/** How far texts are from each other in runs of words. */
export interface Spread {
  /** Texts that are there already, as the same bytes, the same words, or near (Jaccard of 5-word shingles from .7). */
  readonly duplicates: { readonly exact: number; readonly normalised: number; readonly near: number }
  /** All of these, as a share of the texts. */
  readonly duplicate_share: number
  /** 1 minus the Jaccard similarity of 3-word shingles, as MinHash estimates it, of random pairs of texts. */
  readonly minhash_distance: {
    readonly pairs: number
    readonly mean: number
    /** A twentieth of the pairs are nearer. */
    readonly p5: number
  }
}

/** Slots of a signature: the estimate of a similarity of .5 has a standard error of .031. */
const slots = 256
const mostPairs = 2_000

export async function spreadOf(texts: readonly string[], seed: number): Promise<Spread> {
  const read = async function* () {
    await Promise.resolve()
    for (const text of texts) yield { texts: [text], passRate: null }
  }
  const found = await findDuplicates(documentSource(read), checkedOptions({}))
  const duplicates = { exact: 0, normalised: 0, near: 0 }
  for (let i = 0; i < texts.length; i++) if (found.representative[i] !== i) duplicates[found.kindOf(i)]++
  const gone = duplicates.exact + duplicates.normalised + duplicates.near
  return {
    duplicates,
    duplicate_share: texts.length === 0 ? 0 : gone / texts.length,
    minhash_distance: await distances(texts, seed),
  }
}

async function distances(texts: readonly string[], seed: number): Promise<Spread['minhash_distance']> {
  if (texts.length < 2) return { pairs: 0, mean: 1, p5: 1 }
  const signer = await createSigner({ bands: slots, rows: 1, shingle: 3, seed: 1 })
  const encoder = new TextEncoder()
  const signed = new Map<number, Uint32Array>()
  const signature = (i: number): Uint32Array => {
    const known = signed.get(i) ?? signer.sign(encoder.encode(texts[i] ?? '')).signature.slice()
    signed.set(i, known)
    return known
  }
  const random = rngFor(seed, 'diversity', 'pairs')
  const found: number[] = []
  const pairs = Math.min(mostPairs, (texts.length * (texts.length - 1)) / 2)
  for (let pair = 0; pair < pairs; pair++) {
    const a = random.below(texts.length)
    const b = (a + 1 + random.below(texts.length - 1)) % texts.length
    const [one, other] = [signature(a), signature(b)]
    let same = 0
    for (let slot = 0; slot < slots; slot++) if (one[slot] === other[slot]) same++
    found.push(1 - same / slots)
  }
  found.sort((a, b) => a - b)
  return { pairs, mean: found.reduce((sum, one) => sum + one, 0) / pairs, p5: quantile(found, 0.05) }
}
