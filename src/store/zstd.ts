import { compress, decompress, init } from '@bokuweb/zstd-wasm'
import { FulcrumError } from '../errors.ts'

let ready: Promise<void> | undefined

/** Level 3: the library default of zstd, and what the sizes in test/bench/parquet.bench.ts were measured with. */
const level = 3

/** Loads the codec once; a second init() of this library makes it write zeros. */
export function readyZstd(): Promise<void> {
  ready ??= init()
  return ready
}

/** One ZSTD frame. The same encoder on every Node version, so that equal rows give equal shards everywhere. */
export function zstd(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0)
  const frame = compress(bytes as Buffer, level)
  if (frame[0] !== 0x28 || frame[1] !== 0xb5 || frame[2] !== 0x2f || frame[3] !== 0xfd) {
    throw new FulcrumError(
      'store',
      'The ZSTD encoder gave no ZSTD frame',
      'Report this with your Node version.',
    )
  }
  return frame
}

/** The content of a frame. */
export function unzstd(bytes: Uint8Array): Uint8Array {
  return decompress(bytes as Buffer)
}
