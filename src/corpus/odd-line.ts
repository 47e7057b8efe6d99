import { isUtf8 } from 'node:buffer'
import type { UnreadableReason } from './events.ts'

/** Why a line cannot be read, or null. */
export function oddness(record: Uint8Array): [UnreadableReason, string] | null {
  if (!isUtf8(record)) return ['not UTF-8', `not UTF-8 from byte ${validBytes(record) + 1} of the line on`]
  if (depthOf(record) > mostDepth) return ['nested too deeply', `nested more than ${mostDepth} levels deep`]
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(record))
  } catch (error) {
    return ['not JSON', error instanceof Error ? error.message : String(error)]
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return null
  return ['not a JSON object', 'a JSON value that is not an object']
}

/** JSON.parse takes any depth; what reads the records later need not. */
const mostDepth = 512

/** Bytes of the longest valid beginning. */
function validBytes(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    // The middle may part a character: then its beginning, up to three bytes, does not count against it.
    const whole = [0, 1, 2, 3].some((back) => isUtf8(bytes.subarray(0, middle - back)))
    if (whole) good = middle
    else bad = middle
  }
  return good
}

/** A bound of the nesting, strings aside: brackets in strings may only raise it where they are many. */
function depthOf(record: Uint8Array): number {
  let [depth, most, inString] = [0, 0, false]
  for (let i = 0; i < record.length; i++) {
    const byte = record[i]
    if (inString) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x7b || byte === 0x5b) most = Math.max(most, ++depth)
    else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return most
}
