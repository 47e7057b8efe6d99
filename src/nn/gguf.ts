import type { Weight } from './safetensors.ts'

/** A value of a GGUF file's metadata, its type written out. */
export type GgufValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly float32s: readonly number[] }
  | { readonly int32s: readonly number[] }

/** Type numbers of the GGUF specification, version 3 (ggml/docs/gguf.md). */
const types = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const
const alignment = 32

/** A GGUF file, version 3, little-endian, all tensors F32, in pieces to be written one after another. Shapes are those of
 *  our weights, [out, in]; GGUF names the fastest dimension first. */
export function* ggufBytes(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: ReadonlyMap<string, Weight>,
): Generator<Uint8Array> {
  const head = newBytes()
  head.raw(new TextEncoder().encode('GGUF'))
  head.uint32(3)
  head.uint64(tensors.size)
  head.uint64(metadata.size)
  for (const [key, value] of metadata) {
    head.string(key)
    writeValue(head, value)
  }
  let offset = 0
  for (const [name, { shape, data }] of tensors) {
    head.string(name)
    head.uint32(shape.length)
    for (const size of [...shape].reverse()) head.uint64(size)
    head.uint32(0) // GGML_TYPE_F32
    head.uint64(offset)
    offset += padded(data.byteLength)
  }
  const bytes = head.done()
  yield bytes
  yield zeros(bytes.byteLength)
  for (const { data } of tensors.values()) {
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    yield zeros(data.byteLength)
  }
}

const padded = (size: number): number => Math.ceil(size / alignment) * alignment
const zeros = (size: number): Uint8Array => new Uint8Array(padded(size) - size)

function writeValue(to: Bytes, value: GgufValue): void {
  if ('uint32' in value) to.uint32(types.uint32).uint32(value.uint32)
  else if ('float32' in value) to.uint32(types.float32).float32(value.float32)
  else if ('bool' in value) to.uint32(types.bool).raw(Uint8Array.of(value.bool ? 1 : 0))
  else if ('string' in value) to.uint32(types.string).string(value.string)
  else if ('strings' in value) {
    to.uint32(types.array).uint32(types.string).uint64(value.strings.length)
    for (const text of value.strings) to.string(text)
  } else if ('float32s' in value) {
    to.uint32(types.array).uint32(types.float32).uint64(value.float32s.length)
    for (const number of value.float32s) to.float32(number)
  } else {
    to.uint32(types.array).uint32(types.int32).uint64(value.int32s.length)
    for (const number of value.int32s) to.uint32(number >>> 0)
  }
}

interface Bytes {
  uint32(value: number): Bytes
  uint64(value: number): Bytes
  float32(value: number): Bytes
  /** Length in bytes, then UTF-8. */
  string(text: string): Bytes
  raw(bytes: Uint8Array): Bytes
  done(): Uint8Array
}

/** A growing little-endian byte string. */
function newBytes(): Bytes {
  let room = Buffer.alloc(1 << 16)
  let length = 0
  const at = (size: number): number => {
    if (length + size > room.length) {
      const wider = Buffer.alloc(Math.max(2 * room.length, length + size))
      room.copy(wider)
      room = wider
    }
    length += size
    return length - size
  }
  const bytes: Bytes = {
    uint32: (value) => {
      const place = at(4)
      room.writeUInt32LE(value, place)
      return bytes
    },
    uint64: (value) => {
      const place = at(8)
      room.writeBigUInt64LE(BigInt(value), place)
      return bytes
    },
    float32: (value) => {
      const place = at(4)
      room.writeFloatLE(value, place)
      return bytes
    },
    string: (text) => {
      const encoded = new TextEncoder().encode(text)
      return bytes.uint64(encoded.byteLength).raw(encoded)
    },
    raw: (from) => {
      const place = at(from.byteLength)
      room.set(from, place)
      return bytes
    },
    done: () => room.subarray(0, length),
  }
  return bytes
}
