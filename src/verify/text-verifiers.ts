import { choiceAnswer } from './choice.ts'
import { mathAnswer } from './math/math-answer.ts'
import { exactAnswer, numericAnswer, type TextVerifier } from './verifier.ts'

/** Rules that compare texts, by the name that options give them. */
export const textVerifiers = {
  numeric: numericAnswer,
  exact: exactAnswer,
  math: mathAnswer,
  choice: choiceAnswer,
} as const satisfies Readonly<Record<string, TextVerifier>>

export type TextVerifierName = keyof typeof textVerifiers
