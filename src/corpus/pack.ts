import { Gzip } from 'minizlib'
import { zstd } from '../store/zstd.ts'

/** Compresses as a file's name asks for; the same bytes in give the same bytes out, however they are cut. */
export interface Packer {
  readonly add: (parts: readonly Uint8Array[]) => readonly Uint8Array[]
  readonly end: () => readonly Uint8Array[]
}

export function packerFor(path: string): Packer {
  if (path.endsWith('.gz')) return gzip()
  if (path.endsWith('.zst')) return zstdFrames()
  return { add: (parts) => parts, end: () => [] }
}

function gzip(): Packer {
  // Portable: no word of the machine in the header.
  const stream = new Gzip({ portable: true })
  let ready: Uint8Array[] = []
  stream.on('data', (part: Uint8Array) => ready.push(part))
  stream.on('error', (error) => {
    throw error
  })
  const taken = (): Uint8Array[] => {
    const parts = ready
    ready = []
    return parts
  }
  return {
    add: (parts) => {
      for (const part of parts) stream.write(part)
      return taken()
    },
    end: () => {
      stream.end()
      return taken()
    },
  }
}

/** A frame for every 4 MB: any reader takes frames one after the other, and each has its checksum. */
function zstdFrames(): Packer {
  let waiting: Uint8Array[] = []
  let size = 0
  let begun = false
  const frames = (last: boolean): Uint8Array[] => {
    if (size < frameBytes && !last) return []
    const bytes = Buffer.concat(waiting)
    const packed: Uint8Array[] = []
    let at = 0
    for (; bytes.length - at >= frameBytes || (last && at < bytes.length); at += frameBytes)
      packed.push(zstd(bytes.subarray(at, at + frameBytes)))
    const rest = bytes.subarray(Math.min(at, bytes.length))
    waiting = [rest]
    begun ||= packed.length > 0
    size = rest.length
    return packed
  }
  return {
    add: (parts) => {
      waiting.push(...parts)
      size += parts.reduce((sum, { length }) => sum + length, 0)
      return frames(false)
    },
    end: () => {
      const packed = frames(true)
      return begun || packed.length > 0 ? packed : [zstd(new Uint8Array(0))]
    },
  }
}

const frameBytes = 4 * 2 ** 20
