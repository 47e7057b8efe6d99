/** Bytes of a JSON string's raw form (between its quotes) that bytes of its text were written as. */
export function rawSpan(raw: Uint8Array, start: number, end: number): readonly [number, number] {
  if (!raw.includes(backslash)) return [start, end]
  let [at, text] = [0, 0]
  const forward = (to: number): number => {
    while (text < to && at < raw.length) {
      const [rawBytes, textBytes] = raw[at] === backslash ? escape(raw, at) : [1, 1]
      at += rawBytes
      text += textBytes
    }
    return at
  }
  return [forward(start), forward(end)]
}

const backslash = 0x5c

/** Bytes of an escape and of the UTF-8 it stands for. */
function escape(raw: Uint8Array, at: number): readonly [number, number] {
  if (raw[at + 1] !== 0x75) return [2, 1]
  const unit = hex(raw, at)
  if (unit < 0x80) return [6, 1]
  if (unit < 0x800) return [6, 2]
  const isHigh = unit >= 0xd800 && unit < 0xdc00
  const paired = isHigh && raw[at + 6] === backslash && raw[at + 7] === 0x75 && isLow(hex(raw, at + 6))
  return paired ? [12, 4] : [6, 3]
}

const hex = (raw: Uint8Array, at: number): number =>
  parseInt(String.fromCharCode(...raw.subarray(at + 2, at + 6)), 16)

const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000
