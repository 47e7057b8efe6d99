import { col, type Row } from '../../record/columns.ts'
import { type Estimate, share, wilson } from '../../statistics/estimate.ts'
import type { Verifier } from '../../verify/verifier.ts'

/** How far several answers to one problem agree. */
export interface Agreement {
  /** The answer that most of them state, as the first of them writes it; null where none can be read. Of equally many the
   *  one launched first. */
  readonly answer: string | null
  /** Those that state it, of all: an answer that is cut off or cannot be read counts as another one. */
  readonly votes: Estimate
  /** Different answers among those that can be read. */
  readonly answers: number
  readonly unparsed: number
  /** Entropy of the answers that can be read, nats: 0 where all are one. */
  readonly entropy: number
  /** Of each, whether it states the answer. */
  readonly members: readonly boolean[]
}

export interface Stated {
  readonly text: string
  /** Not cut off by the token limit. */
  readonly ended: boolean
}

/** Groups answers that the verifier calls equal. An answer belongs to the first group whose first answer it equals, in
 *  launch order; one that is not even equal to itself cannot be read. */
export async function agreementOf(
  completions: readonly Stated[],
  verifier: Verifier,
  problem: string,
): Promise<Agreement> {
  const groups: { readonly answer: string; readonly members: Set<number> }[] = []
  const read = await Promise.all(completions.map((completion) => statedBy(completion, verifier, problem)))
  for (const [i, answer] of read.entries()) {
    if (answer === null) continue
    const { text } = completions[i] as Stated
    let found = groups.find((group) => group.answer === answer)
    for (const group of found === undefined ? groups : [])
      if (found === undefined && (await verifier.verify(text, group.answer, problem)).verdict === 'equal')
        found = group
    if (found === undefined) groups.push({ answer, members: new Set([i]) })
    else found.members.add(i)
  }
  const first = groups.reduce<(typeof groups)[number] | null>(
    (best, group) => (best !== null && best.members.size >= group.members.size ? best : group),
    null,
  )
  const sizes = groups.map(({ members }) => members.size)
  const parsed = sizes.reduce((a, b) => a + b, 0)
  return {
    answer: first?.answer ?? null,
    votes: { successes: first?.members.size ?? 0, trials: completions.length },
    answers: groups.length,
    unparsed: completions.length - parsed,
    entropy: sizes.reduce((sum, size) => sum - (size / parsed) * Math.log(size / parsed), 0),
    members: completions.map((_, i) => first?.members.has(i) === true),
  }
}

/** The answer a completion states, if the rule can compare with it. */
async function statedBy(
  { text, ended }: Stated,
  verifier: Verifier,
  problem: string,
): Promise<string | null> {
  if (!ended) return null
  const { extracted } = await verifier.verify(text, '', problem)
  if (extracted === null) return null
  return (await verifier.verify(text, extracted, problem)).verdict === 'equal' ? extracted : null
}

/** Columns of an agreement. */
export const agreementColumns = {
  plurality_answer: col.nullable(col.string('answer that most samples state; null where none can be read')),
  plurality_share: col.double('share of the samples that state it, those that cannot be read counted'),
  plurality_low: col.double('lower end of its 95 % Wilson interval'),
  plurality_high: col.double('upper end'),
  n_votes: col.int32('samples it was measured with'),
  n_answers: col.int32('different answers among those that can be read'),
  n_unparsed_votes: col.int32('samples that were cut off or whose answer cannot be read'),
  answer_entropy: col.double('entropy of the answers that can be read, nats'),
}

export function agreementRow(of: Agreement): Row<typeof agreementColumns> {
  const { low, high } = wilson(of.votes)
  return {
    plurality_answer: of.answer,
    plurality_share: share(of.votes),
    plurality_low: low,
    plurality_high: high,
    n_votes: of.votes.trials,
    n_answers: of.answers,
    n_unparsed_votes: of.unparsed,
    answer_entropy: of.entropy,
  }
}

/** Which agreement a problem must have. */
export interface AgreementRules {
  /** Share of the plurality under which a problem is incoherent. */
  readonly least?: number
  /** Share above which it is too easy: under 1 drops the unanimous (Phi-4 report, section 2.2). */
  readonly most?: number
}

/** Why a problem with this agreement is dropped, or null. */
export function whyNotAgreed(
  { answer, votes }: Agreement,
  { least = 0, most = 1 }: AgreementRules,
): string | null {
  if (answer === null) return 'no sample has a readable answer'
  if (share(votes) < least) return `answers disagree: plurality share under ${least}`
  return share(votes) > most ? `answers agree: plurality share over ${most}` : null
}
