import fc from 'fast-check'

/** Characters that normalisation moves, joins, splits or drops: marks, iota below, jamo, ligatures, fractions, squared
 *  words, joiners, sigmas, sharp s, dotted I, astral letters, ideographs, lone surrogates, signs that take a mark. */
const characters = [
  ...Array.from(
    'aZ9 .=<>-_\u0301\u0327\u0338\u0345\u0308\u0307\u034f\u00ad\u200d\u200b\u200c\ufe0f\ufeffﬁ½㍿ﷺ㎧ßİıΣςσΐŉǆ\u1100\u1161\u11a8가각' +
      'Åéｶﾞｱ゙か\u3099中文ー々한กำहि\u093c\u09c7\u09be\u0344´¨\u037aᾳΩK²①Ⅷ𝐀𝟘𐐀👍🏽𠀀\u{1d165}\u{1d15e}\u{11131}\u{11127}\u{16d63}\u{16d67}',
  ),
  '\ud800',
  '\udc00',
  '\u0000',
  '\ufffd',
]

const unit = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...characters) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }) },
)

/** Short texts made mostly of the characters above. */
export const hostileText = fc.array(unit, { maxLength: 14 }).map((parts) => parts.join(''))
