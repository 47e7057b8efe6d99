import { createRowSignature } from '../../corpus/row-signature.ts'
import { createSigner, type SignatureShape } from '../../text/minhash.ts'
import type { SignedDocuments } from './sketch.ts'

/** One document of a corpus, as far as duplicates are concerned. */
export interface CorpusDocument {
  /** Compared together; no shingle spans two. */
  readonly texts: readonly string[]
  /** Where `keep` is pass-rate; null loses to every other. */
  readonly passRate: number | null
}

/** A corpus as the search reads it; both passes give the same documents in the same order, numbered from 0. */
export interface DocumentSource {
  /** All documents, signed, some at a time. */
  signed(shape: SignatureShape): AsyncIterable<SignedDocuments>
  /** The documents for which `wanted` is 1. */
  texts(wanted: Uint8Array): AsyncIterable<CorpusDocument & { readonly document: number }>
}

/** A source over documents that can be read again and again, signed in this thread. */
export function documentSource(read: () => AsyncIterable<CorpusDocument>): DocumentSource {
  return {
    async *signed(shape) {
      const signer = await createSigner(shape)
      const encoder = new TextEncoder()
      const row = createRowSignature(shape.bands * shape.rows)
      for await (const { texts } of read()) {
        for (const text of texts) row.add(signer.sign(encoder.encode(text)))
        const { signature, words, contentHash } = row.take()
        yield { signatures: signature, words: [words], contentHashes: Buffer.from(contentHash, 'hex') }
      }
    },
    async *texts(wanted) {
      let document = 0
      for await (const found of read()) {
        if (wanted[document] === 1) yield { ...found, document }
        document++
      }
    },
  }
}
