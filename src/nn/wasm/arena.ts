import type { WasmMemory } from './kernels.ts'

/** Hands out the kernels' memory from the bottom up; views of it are stale after the next `floats` or `put`. */
export interface Arena {
  /** Bytes for `count` floats, 16-byte aligned. */
  floats(count: number): number
  put(values: ArrayLike<number>): number
  readonly mark: () => number
  readonly release: (mark: number) => void
  f32(at: number, count: number): Float32Array
  i32(at: number, count: number): Int32Array
  /** The whole memory. */
  bytes(): Uint8Array
}

/** Starts at the bottom of a memory that grows as needed. */
export function newArena(memory: WasmMemory): Arena {
  // The kernels have no statics; the first KiB stays free so that no pointer is 0.
  let top = 1024
  const floats = (count: number): number => {
    const at = top
    top += Math.ceil(count / 4) * 16
    const missing = top - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(Math.max(missing, memory.buffer.byteLength / 4) / 65536))
    return at
  }
  const f32 = (at: number, count: number): Float32Array => new Float32Array(memory.buffer, at, count)
  return {
    floats,
    put: (values) => {
      const at = floats(values.length)
      f32(at, values.length).set(values)
      return at
    },
    mark: () => top,
    release: (mark) => {
      top = mark
    },
    f32,
    i32: (at, count) => new Int32Array(memory.buffer, at, count),
    bytes: () => new Uint8Array(memory.buffer),
  }
}
