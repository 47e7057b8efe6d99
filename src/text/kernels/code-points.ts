import { traitOf, traits } from '../word-spans.ts'
import { fold, unicodeWord } from '../words.ts'

/** How the kernel reads a code point, in the top byte; a letter's folded code point below it. */
const kinds = { slow: 1 << 24, ignore: 2 << 24, letter: 3 << 24, ideograph: 4 << 24 } as const

/** Beside the basic plane: pictures and the signs around them. */
const pictures = { from: 0x1f000, count: 0x1000 } as const

let table: Uint32Array | undefined

/** u32[65536 + 4096] for U+0000.. and U+1F000.., from this machine's own Unicode tables. What a break, a letter and an
 *  ideograph become is the same whatever stands beside them; everything else is for JavaScript. */
export function codePointTable(): Uint32Array {
  if (table !== undefined) return table
  table = new Uint32Array(0x10000 + pictures.count)
  for (let point = 0; point < 0x10000; point++)
    if (point < 0xd800 || point > 0xdfff) table[point] = entryOf(point)
  for (let i = 0; i < pictures.count; i++) table[0x10000 + i] = entryOf(pictures.from + i)
  return table
}

function entryOf(point: number): number {
  const raw = String.fromCodePoint(point)
  // Two thirds of the plane need no folding.
  if (point >= 0x4e00 && point < 0xa000) return han.test(raw) ? kinds.ideograph | point : 0
  if (point >= 0xac00 && point <= 0xd7a3) return kinds.letter | point
  const trait = traitOf(point)
  const free = (trait & traits.free) !== 0
  if ((trait & traits.vacant) !== 0) return free ? 0 : kinds.ignore
  if (!free) return kinds.slow
  const folded = fold(raw)
  if (folded.length !== 1) return kinds.slow
  const parts = `a${folded}`.match(unicodeWord)?.length === 2
  return (parts ? kinds.ideograph : kinds.letter) | folded.charCodeAt(0)
}

const han = /\p{sc=Han}/u
