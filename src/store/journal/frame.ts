import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'

/** A record of a journal file: a small head as JSON, and a body of any bytes. */
export interface Frame {
  readonly offset: number
  readonly bytes: number
  readonly head: Readonly<Record<string, unknown>>
  /** Place of the body in the file. */
  readonly bodyAt: number
  readonly bodyBytes: number
}

/** A stretch of a journal file that is no record: cut off at the end of the file, or corrupted before its end. */
export interface Damage {
  readonly kind: 'torn' | 'corrupted'
  readonly offset: number
  readonly bytes: number
}

/** Starts every frame, so that reading can go on behind a corrupted one. The last byte is the format's version. */
const mark = Buffer.from([0xf5, 0x46, 0x4a, 0x01])

/** mark, head length, body length (each u32 little-endian), CRC-32 of lengths, head and body. */
const prefixBytes = 16

/** A longer frame is a corrupted length. */
const longestFrame = 1 << 30

export function encodeFrame(head: object, body: Buffer): Buffer {
  const headBytes = Buffer.from(JSON.stringify(head))
  const frame = Buffer.alloc(prefixBytes + headBytes.length + body.length)
  mark.copy(frame)
  frame.writeUInt32LE(headBytes.length, 4)
  frame.writeUInt32LE(body.length, 8)
  headBytes.copy(frame, prefixBytes)
  body.copy(frame, prefixBytes + headBytes.length)
  frame.writeUInt32LE(checksum(frame), 12)
  return frame
}

/** Where the body of an encoded frame begins. */
export const bodyStart = (frame: Buffer): number => prefixBytes + frame.readUInt32LE(4)

/** The frame at the start of these bytes is whole and is what was written. */
export const isWhole = (frame: Buffer): boolean =>
  frame.subarray(0, 4).equals(mark) && frame.readUInt32LE(12) === checksum(frame)

/** All whole frames of a file in order, and what lies between them. A frame that another process is just writing reads
 *  as torn. */
export async function* framesOf(file: FileHandle): AsyncGenerator<Frame | Damage> {
  const { size } = await file.stat()
  const window = windowOver(file)
  let at = 0
  while (at < size) {
    const frame = await frameAt(window, at, size)
    if (frame !== null) {
      yield frame
      at += frame.bytes
      continue
    }
    const next = await nextFrame(window, at + 1, size)
    // A frame that was being written is shorter than it says; one that has its length and is wrong was whole once.
    const kind = next === null && (await isShort(window, at, size)) ? 'torn' : 'corrupted'
    yield { kind, offset: at, bytes: (next ?? size) - at }
    at = next ?? size
  }
}

const checksum = (frame: Buffer): number => crc32(frame.subarray(prefixBytes), crc32(frame.subarray(4, 12)))

type Window = (at: number, length: number) => Promise<Buffer>

/** Reads ahead, so that small frames cost no call each. */
function windowOver(file: FileHandle): Window {
  let [start, held] = [0, Buffer.alloc(0)]
  return async (at, length) => {
    if (at < start || at + length > start + held.length) {
      const wanted = Buffer.allocUnsafe(Math.max(length, 1 << 20))
      const { bytesRead } = await file.read(wanted, 0, wanted.length, at)
      start = at
      held = wanted.subarray(0, bytesRead)
    }
    return held.subarray(at - start, at - start + length)
  }
}

async function frameAt(window: Window, at: number, size: number): Promise<Frame | null> {
  if (at + prefixBytes > size) return null
  const prefix = await window(at, prefixBytes)
  if (prefix.length < prefixBytes || !prefix.subarray(0, 4).equals(mark)) return null
  const [headBytes, bodyBytes] = [prefix.readUInt32LE(4), prefix.readUInt32LE(8)]
  const bytes = prefixBytes + headBytes + bodyBytes
  if (bytes > longestFrame || at + bytes > size) return null
  const frame = await window(at, bytes)
  if (frame.length < bytes || !isWhole(frame)) return null
  const head = JSON.parse(frame.toString('utf8', prefixBytes, prefixBytes + headBytes)) as Frame['head']
  return { offset: at, bytes, head, bodyAt: at + prefixBytes + headBytes, bodyBytes }
}

async function isShort(window: Window, at: number, size: number): Promise<boolean> {
  if (at + prefixBytes > size) return true
  const prefix = await window(at, prefixBytes)
  return at + prefixBytes + prefix.readUInt32LE(4) + prefix.readUInt32LE(8) > size
}

/** Offset of the next whole frame from `at` on, or null. */
async function nextFrame(window: Window, at: number, size: number): Promise<number | null> {
  const step = 1 << 16
  for (let from = at; from < size; from += step) {
    // A mark may lie across the border of two steps.
    const bytes = Buffer.from(await window(from, Math.min(size - from, step + mark.length - 1)))
    for (let found = bytes.indexOf(mark); found >= 0; found = bytes.indexOf(mark, found + 1)) {
      if ((await frameAt(window, from + found, size)) !== null) return from + found
    }
  }
  return null
}
