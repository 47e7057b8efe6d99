import { FulcrumError } from '../errors.ts'

/** A dense float32 array with its shape, row-major. */
export interface Weight {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const bytesPer: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 }

/** Reads a safetensors file (F32, F16, BF16; all become float32). The header is untrusted: sizes, bounds
 *  and overlaps are checked. `where` names the file in messages. */
export function readSafetensors(bytes: Uint8Array, where: string): Map<string, Weight> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerBytes = bytes.byteLength >= 8 ? Number(view.getBigUint64(0, true)) : Infinity
  if (headerBytes > bytes.byteLength - 8) throw broken(where, 'its header is cut off')
  const start = 8 + headerBytes
  const entries = parseHeader(bytes.subarray(8, start), where)
  let end = 0
  const weights = new Map<string, Weight>()
  for (const [name, entry] of entries.sort(byPlace)) {
    const [from, to] = entry.data_offsets
    const width = bytesPer[entry.dtype]
    if (width === undefined)
      throw broken(where, `${name} has type ${entry.dtype}; F32, F16 and BF16 are read`)
    const count = entry.shape.reduce((product, n) => product * n, 1)
    if (from !== end || to - from !== count * width || start + to > bytes.byteLength) {
      throw broken(where, `${name} claims bytes ${from}..${to} for shape [${entry.shape.join(', ')}]`)
    }
    end = to
    weights.set(name, {
      shape: entry.shape,
      data: toFloat32(bytes.subarray(start + from, start + to), entry.dtype),
    })
  }
  return weights
}

/** An empty tensor comes before the one that starts where it stands. */
const byPlace = ([, a]: [string, Entry], [, b]: [string, Entry]): number =>
  a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1]

function parseHeader(bytes: Uint8Array, where: string): [string, Entry][] {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw broken(where, 'its header is not JSON', cause)
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw broken(where, 'its header is not an object')
  const entries = Object.entries(header as Record<string, unknown>).filter(
    ([name]) => name !== '__metadata__',
  )
  return entries.map(([name, entry]) => {
    if (!isEntry(entry)) throw broken(where, `the header of ${name} is malformed`)
    return [name, entry]
  })
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { dtype, shape, data_offsets: offsets } = value as Partial<Record<keyof Entry, unknown>>
  const counts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)
  return typeof dtype === 'string' && counts(shape) && counts(offsets) && (offsets as unknown[]).length === 2
}

const broken = (where: string, what: string, cause?: unknown): FulcrumError =>
  new FulcrumError(
    'model',
    `${where} is not a whole safetensors file: ${what}`,
    'Fetch or write the file again.',
    cause,
  )

/** Copies, since a tensor may start at any byte of the file. */
function toFloat32(part: Uint8Array, dtype: string): Float32Array {
  const bytes = new Uint8Array(part)
  if (dtype === 'F32') return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
  if (dtype === 'F16') return Float32Array.from(halves, fromHalf)
  const words = Uint32Array.from(halves, (half) => half << 16)
  return new Float32Array(words.buffer)
}

/** IEEE 754 binary16 to a number. */
function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}

/** Writes float32 safetensors; names sorted, so equal weights give equal bytes. */
export function writeSafetensors(
  weights: ReadonlyMap<string, Weight>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array {
  const names = [...weights.keys()].sort()
  const header: Record<string, unknown> = { __metadata__: metadata }
  let offset = 0
  for (const name of names) {
    const { shape, data } = weights.get(name) as Weight
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const headerBytes = Math.ceil(text.byteLength / 8) * 8
  const bytes = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true)
  bytes.set(text, 8)
  let at = 8 + headerBytes
  for (const name of names) {
    const { data } = weights.get(name) as Weight
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}
