import { FulcrumError } from '../errors.ts'
import type { Estimate } from '../statistics/estimate.ts'
import { readRecords, type SourceRecord } from '../store/records.ts'
import type { Verdict, Verification, Verifier } from './verifier.ts'

/** A pair whose verdict somebody knows. */
export interface LabelledPair {
  /** Of its file, from 1. */
  readonly line: number
  readonly completion: string
  readonly reference: string
  readonly problem: string
  readonly label: 'equal' | 'different'
}

export interface CheckedPair extends LabelledPair, Verification {}

/** What a verifier says of pairs, by what they are. */
export interface Confusion {
  readonly label: LabelledPair['label']
  readonly pairs: number
  readonly verdicts: Readonly<Record<Verdict, Estimate>>
}

/** Pairs of a JSONL or Parquet file: `completion`, or `answer` alone, which is put into a box; `reference`; `label`, equal or
 *  different; `problem` where the verifier looks at it. All mistakes are told at once. */
export async function readPairs(file: string): Promise<LabelledPair[]> {
  const pairs: LabelledPair[] = []
  const wrong: string[] = []
  for await (const record of readRecords(file)) {
    const pair = pairOf(record)
    if (typeof pair !== 'string') pairs.push(pair)
    else if (wrong.push(`line ${record.line}: ${pair}`) > 5) break
  }
  const hint = 'A pair has completion or answer, reference, and label: equal or different.'
  if (wrong.length > 0) throw new FulcrumError('data', `${file} has no pairs in ${wrong.join('; ')}`, hint)
  if (pairs.length === 0) throw new FulcrumError('data', `${file} is empty`, hint)
  return pairs
}

function pairOf({ line, value, error }: SourceRecord): LabelledPair | string {
  if (value === null) return error ?? 'not a JSON object'
  const { completion, answer, reference, label, problem = '' } = value
  if (label !== 'equal' && label !== 'different')
    return label === undefined ? 'it has no label' : `label ${JSON.stringify(label)}`
  if (typeof reference !== 'string') return 'reference is no text'
  if (typeof problem !== 'string') return 'problem is no text'
  if (typeof completion === 'string') return { line, completion, reference, problem, label }
  if (typeof answer !== 'string') return 'neither completion nor answer is text'
  return { line, completion: `\\boxed{${answer}}`, reference, problem, label }
}

/** Every pair with its verdict, in the order given; so many at once. */
export async function checkPairs(
  verifier: Verifier,
  pairs: readonly LabelledPair[],
  atOnce: number,
): Promise<CheckedPair[]> {
  const checked: CheckedPair[] = []
  for (let at = 0; at < pairs.length; at += atOnce) {
    const some = pairs.slice(at, at + atOnce)
    const found = await Promise.all(
      some.map(async (pair) => ({
        ...pair,
        ...(await verifier.verify(pair.completion, pair.reference, pair.problem)),
      })),
    )
    checked.push(...found)
  }
  return checked
}

/** Label by verdict. */
export function confusionOf(checked: readonly CheckedPair[]): Confusion[] {
  return (['equal', 'different'] as const).map((label) => {
    const pairs = checked.filter((pair) => pair.label === label)
    const estimate = (verdict: Verdict): Estimate => ({
      successes: pairs.filter((pair) => pair.verdict === verdict).length,
      trials: pairs.length,
    })
    const verdicts = {
      equal: estimate('equal'),
      different: estimate('different'),
      unparsed: estimate('unparsed'),
    }
    return { label, pairs: pairs.length, verdicts }
  })
}
