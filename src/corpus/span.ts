/** Maps bytes of a field's text, escapes resolved, to the bytes of the raw record that spell them: cutting those out and
 *  reading them as a JSON string gives the same bytes. Both ends must lie between characters. */
export function spanInRecord(
  record: Uint8Array,
  field: { readonly byteStart: number; readonly byteEnd: number },
  byteStart: number,
  byteEnd: number,
): { readonly byteStart: number; readonly byteEnd: number } {
  let raw = field.byteStart
  let text = 0
  let start = -1
  while (raw < field.byteEnd && text < byteEnd) {
    if (text === byteStart && start < 0) start = raw
    if (record[raw] !== backslash) {
      raw++
      text++
      continue
    }
    const { rawBytes, textBytes } = escapeAt(record, raw)
    raw += rawBytes
    text += textBytes
  }
  if (start < 0 && text === byteStart) start = raw
  if (start < 0 || text !== byteEnd) throw new RangeError(`no characters at bytes ${byteStart} to ${byteEnd}`)
  return { byteStart: start, byteEnd: raw }
}

const [backslash, letterU] = [0x5c, 0x75]

/** Bytes of the escape at a backslash, and of the UTF-8 it stands for. */
export function escapeAt(record: Uint8Array, at: number): { rawBytes: number; textBytes: number } {
  if (record[at + 1] !== letterU) return { rawBytes: 2, textBytes: 1 }
  const unit = codeUnit(record, at)
  if (unit >= 0xd800 && unit < 0xdc00 && record[at + 6] === backslash && record[at + 7] === letterU) {
    const next = codeUnit(record, at + 6)
    if (next >= 0xdc00 && next < 0xe000) return { rawBytes: 12, textBytes: 4 }
  }
  // A lone surrogate became U+FFFD, which takes three bytes as well.
  return { rawBytes: 6, textBytes: unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3 }
}

function codeUnit(record: Uint8Array, at: number): number {
  let unit = 0
  for (let i = 2; i < 6; i++) {
    const byte = record[at + i] as number
    unit = unit * 16 + (byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57)
  }
  return unit
}
