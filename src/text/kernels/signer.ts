import { slotHashes } from '../index/hashes.ts'
import type { Signed, SignatureShape, Signer } from '../minhash.ts'
import { newMemory } from './module.ts'
import { openSession, type Session } from './session.ts'

/** The signer on the SIMD kernel. */
export function kernelSigner(shape: SignatureShape): Signer {
  const signing = newSigning(shape)
  const session = openSession(newMemory(0), signing.slots, shape.shingle)
  signing.install(session)
  return {
    sign(text) {
      session.begin(text, false, true)
      session.wasm.advance()
      return signing.read(session)
    },
  }
}

/** How a session makes signatures. */
interface Signing {
  /** Slots rounded up to whole registers. */
  readonly slots: number
  /** Gives the kernel the slots' hashes. */
  readonly install: (session: Session) => void
  /** What the kernel made of the text that has ended. */
  readonly read: (session: Session) => Signed
}

export function newSigning(shape: SignatureShape): Signing {
  const { multiply, add } = slotHashes(shape)
  const slots = Math.ceil(multiply.length / 16) * 16
  return {
    slots,
    install({ wasm, view32 }) {
      const room = view32(wasm.slotHashes(), 2 * slots)
      room.fill(0)
      room.set(multiply)
      room.set(add, slots)
    },
    read({ wasm, view32 }) {
      return {
        signature: new Uint32Array(view32(wasm.signatureAt(), multiply.length)),
        words: wasm.wordsRead(),
        contentHash: hex(wasm.contentUpper()) + hex(wasm.contentLower()),
      }
    },
  }
}

function hex(value: bigint): string {
  return BigInt.asUintN(64, value).toString(16).padStart(16, '0')
}
