import { escapeAt } from '../../../corpus/span.ts'

/** Maps bytes of a text to bytes of its raw JSON string, as `spanInRecord` does, for many spans of one field: the raw
 *  string is read once. */
export function spanMapper(raw: Uint8Array): (byte: number) => number {
  /** Behind each escape: bytes of the text, and of the raw string, up to there. */
  const texts = [0]
  const raws = [0]
  let text = 0
  let from = 0
  for (let at = raw.indexOf(backslash); at >= 0; at = raw.indexOf(backslash, from)) {
    const { rawBytes, textBytes } = escapeAt(raw, at)
    text += at - from + textBytes
    from = at + rawBytes
    texts.push(text)
    raws.push(from)
  }
  return (byte) => {
    let [low, high] = [0, texts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((texts[middle] as number) <= byte) low = middle
      else high = middle - 1
    }
    return (raws[low] as number) + byte - (texts[low] as number)
  }
}

const backslash = 0x5c
