import zlib from 'node:zlib'
import { compress, decompress, init } from '@bokuweb/zstd-wasm'
import { FulcrumError } from '../errors.ts'
import { xxh64Low } from './xxh64.ts'

let ready: Promise<void> | undefined

/** Level 3: the library default of zstd, and what the sizes in test/bench/parquet.bench.ts were measured with. */
const level = 3

/** Bytes of one page. The codec has 2 GiB of memory, and a failed allocation there would overwrite its own data. */
const mostBytes = 2 ** 29

/** Node's own decoder (from 22.15): same content, faster, and it bounds what a page may unpack to. */
const native = (
  zlib as { zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array }
).zstdDecompressSync

/** Loads the codec once; a second init() of this library makes it write zeros. */
export function readyZstd(): Promise<void> {
  ready ??= init()
  return ready
}

/** One ZSTD frame with a content checksum, so that a reader notices a flipped bit. The same encoder on every
 *  Node version, so that equal rows give equal shards everywhere; it cannot add the checksum, so we do. */
export function zstd(bytes: Uint8Array): Uint8Array {
  if (bytes.length > mostBytes) throw tooLarge(bytes.length)
  // The library gives nothing for an empty page: a frame of one empty block.
  const frame = bytes.length === 0 ? Uint8Array.of(...magic, 0x20, 0, 1, 0, 0) : compress(bytes, level)
  if (!isFrame(frame)) {
    throw new FulcrumError(
      'store',
      'The ZSTD encoder gave no ZSTD frame',
      'Report this with your Node version.',
    )
  }
  const checked = new Uint8Array(frame.length + 4)
  checked.set(frame)
  checked[4] = (frame[4] as number) | contentChecksumFlag
  new DataView(checked.buffer).setUint32(frame.length, xxh64Low(bytes), true)
  return checked
}

/** The content of a frame that must unpack to `length` bytes; a wrong checksum throws. */
export function unzstd(bytes: Uint8Array, length: number): Uint8Array {
  if (length > mostBytes) throw tooLarge(length)
  if (!isFrame(bytes)) throw new Error('a page is no ZSTD frame')
  if (native !== undefined) return native(bytes, { maxOutputLength: Math.max(length, 1) })
  const stated = contentSize(bytes)
  if (stated !== null && stated > length)
    throw new Error(`a page unpacks to ${stated} bytes where ${length} are declared`)
  return decompress(bytes, { defaultHeapSize: length })
}

// RFC 8878, section 3.1.1: magic number, then the frame header descriptor.
const magic = [0x28, 0xb5, 0x2f, 0xfd]
const contentChecksumFlag = 0x04

const isFrame = (bytes: Uint8Array): boolean => magic.every((byte, i) => bytes[i] === byte)

/** Frame_Content_Size, or null where the frame does not say. */
function contentSize(bytes: Uint8Array): number | null {
  const descriptor = bytes[4] ?? 0
  const single = (descriptor >> 5) & 1
  const size = [single, 2, 4, 8][descriptor >> 6] as number
  if (size === 0) return null
  const at = 5 + (1 - single) + ([0, 1, 2, 4][descriptor & 3] as number)
  if (bytes.length < at + size) throw new Error('a page ends within its ZSTD header')
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size)
  if (size === 8) return Number(view.getBigUint64(0, true))
  if (size === 4) return view.getUint32(0, true)
  return size === 2 ? view.getUint16(0, true) + 256 : view.getUint8(0)
}

function tooLarge(length: number): FulcrumError {
  return new FulcrumError(
    'store',
    `A Parquet page of ${length} bytes is larger than ${mostBytes}`,
    'Split the value that is this large over several rows.',
  )
}
