import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Gunzip } from 'minizlib'
import { ZSTDDecoder } from 'zstddec/stream'

/** A file's bytes, unpacked, in order. */
export interface ByteSource {
  /** Fills `target` from its start, perhaps not whole; 0 at the end of the file. Throws DamagedFile. */
  readonly read: (target: Uint8Array) => number
  readonly close: () => void
}

/** A file that cannot be read on from some place; what came before it is good. */
export class DamagedFile extends Error {}

export interface UnpackLimits {
  /** Bytes a packed file may unpack to. */
  readonly mostUnpackedBytes: number
  /** Times its size a packed file may unpack to, once it is past 64 MiB: gzip ends at 1,032, JSON of text lies at 3-20. */
  readonly mostUnpackedRatio: number
}

/** The bytes of a file that is not packed, from a place on. */
export function openPlain(path: string, from = 0): ByteSource {
  const file = openSync(path, 'r')
  let at = from
  return {
    read: (target) => {
      const bytes = target.length === 0 ? 0 : readAt(file, target, at)
      at += bytes
      return bytes
    },
    close: () => closeSync(file),
  }
}

/** The unpacked bytes of a .gz file (one member or many) or a .zst file (one frame or many). */
export function openUnpacked(path: string, limits: UnpackLimits): ByteSource {
  const file = openSync(path, 'r')
  const size = fstatSync(file).size
  let packedBytes = 0
  let unpackedBytes = 0
  const damaged = (what: string): DamagedFile =>
    new DamagedFile(
      `${path}: ${what} at byte ${packedBytes} of ${size} (${unpackedBytes} bytes unpacked before it)`,
    )
  function* packed(): Generator<Uint8Array> {
    for (;;) {
      const chunk = new Uint8Array(packedChunk)
      const bytes = readAt(file, chunk, packedBytes)
      if (bytes === 0) return
      packedBytes += bytes
      yield chunk.subarray(0, bytes)
    }
  }
  const parts = path.endsWith('.zst') ? unzstd(packed(), damaged) : gunzip(packed(), damaged)
  let part: Uint8Array = new Uint8Array(0)
  return {
    read: (target) => {
      while (part.length === 0) {
        const next = parts.next()
        if (next.done === true) return 0
        part = next.value
        if (unpackedBytes + part.length > limits.mostUnpackedBytes)
          throw damaged(`unpacks to more than the ${limits.mostUnpackedBytes} bytes allowed`)
        const ratio = (unpackedBytes + part.length) / packedBytes
        if (unpackedBytes + part.length > ratioFrom && ratio > limits.mostUnpackedRatio)
          throw damaged(`unpacks to more than the ${limits.mostUnpackedRatio} times its size allowed`)
        unpackedBytes += part.length
      }
      const bytes = Math.min(part.length, target.length)
      target.set(part.subarray(0, bytes))
      part = part.subarray(bytes)
      return bytes
    },
    close: () => closeSync(file),
  }
}

/** Loads the ZSTD decoder; openUnpacked of a .zst file needs it. The same one on every Node version, as Node 20 has none
 *  of its own. */
export function readyUnpacking(): Promise<void> {
  return decoder.init()
}

const decoder = new ZSTDDecoder()
const packedChunk = 65536
/** Small, as broken input is found by the calls that give nothing, each of which may decode a block for it. */
const zstdBytes = 8192
const ratioFrom = 64 * 2 ** 20

function readAt(file: number, target: Uint8Array, at: number): number {
  return readSync(file, target, 0, target.length, at)
}

/** In this thread, chunk by chunk: a stream of node:zlib drops what it has not handed on when the file breaks off, so
 *  that the rows read before the break would differ from run to run. */
function* gunzip(packed: Iterable<Uint8Array>, damaged: (what: string) => Error): Generator<Uint8Array> {
  const stream = new Gunzip({})
  let ready: Uint8Array[] = []
  let failure: Error | undefined
  stream.on('data', (part: Uint8Array) => ready.push(part))
  stream.on('error', (error) => (failure = error as Error))
  const drain = function* (): Generator<Uint8Array> {
    const parts = ready
    ready = []
    yield* parts
    if (failure !== undefined) throw damaged(failure.message.replace(/^zlib: /, ''))
  }
  for (const chunk of packed) {
    stream.write(chunk)
    yield* drain()
  }
  stream.end()
  yield* drain()
}

/** The decoder reports no error: on broken input it gives nothing, for ever, and asks for no more. */
function* unzstd(packed: Iterable<Uint8Array>, damaged: (what: string) => Error): Generator<Uint8Array> {
  let empty = 0
  function* counted(): Generator<Uint8Array> {
    for (const chunk of packed)
      for (let at = 0; at < chunk.length; at += zstdBytes) {
        empty = 0
        yield chunk.subarray(at, at + zstdBytes)
      }
  }
  try {
    for (const part of decoder.decodeStreaming(counted())) {
      if (part.length > 0) yield part
      // Good input gives nothing only where a chunk or a frame ends, and a frame takes 9 bytes at least.
      else if (++empty > zstdBytes / 9 + 2) throw damaged('not ZSTD, or its checksum is wrong')
    }
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Incomplete stream'))
      throw damaged('unexpected end of file')
    throw error
  }
}
