import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSigner, fineWebShape } from '../../src/text/minhash.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const lots = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ')

test('texts that differ in case, spacing and punctuation have equal signatures and content hashes', async () => {
  const { sign } = await createSigner(fineWebShape)
  const [a, b] = [
    sign(encode('The  CAT sat, on the mat. Ｆine')),
    sign(encode('the cat\nsat (on the) mat fine')),
  ]
  assert.deepEqual(a, b)
  assert.equal(a.words, 7)
  assert.notEqual(sign(encode('the cat sat on the mat fin e')).contentHash, a.contentHash)
  assert.notEqual(sign(encode('the cat on sat the mat fine')).contentHash, a.contentHash)
})

test('the share of equal slots estimates the Jaccard similarity of the shingles', async () => {
  const { sign } = await createSigner({ bands: 64, rows: 16, shingle: 5, seed: 3 })
  // 996 shingles each, 496 shared: J = 496 / 1496. Standard error of 1,024 slots: .0147.
  const [a, b] = [sign(encode(lots(0, 1000))).signature, sign(encode(lots(500, 1500))).signature]
  const equal = a.reduce((sum, value, slot) => sum + (value === b[slot] ? 1 : 0), 0) / a.length
  assert.ok(Math.abs(equal - 496 / 1496) < 6 * 0.0147, `${equal}`)
})

test('a text shorter than a shingle is one shingle, one without words has no hash in any slot', async () => {
  const { sign } = await createSigner(fineWebShape)
  assert.ok(sign(encode('one two')).signature.every((value) => value < 0xffffffff))
  assert.notDeepEqual(sign(encode('one two')).signature, sign(encode('one')).signature)
  assert.deepEqual(sign(encode(' … ')).signature, new Uint32Array(112).fill(0xffffffff))
})
