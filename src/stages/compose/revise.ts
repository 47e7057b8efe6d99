import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import { type Dropped, map } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Columns, type Row } from '../../record/columns.ts'
import { askIdentity, checkedPrompt } from './ask.ts'
import { askModel, type Author } from './ask-model.ts'
import type { PromptFile } from './prompt-file.ts'
import { jsonReply, type Reply } from './reply.ts'

const adds = {
  revised: col.string('the best scored of the draft and its revisions'),
  revision_rounds: col.int32('revisions that were written'),
  draft_score: col.double('mean rubric score of the draft, 1 to 10'),
  revised_score: col.double('mean rubric score of the text that was kept'),
  critiques: col.list(col.string('critique'), 'one for each text that was scored, in order'),
}

export interface ReviseOptions<Needs extends Columns> extends Author {
  readonly name: string
  readonly needs: Needs
  readonly key: keyof Needs & string
  /** Column of the text to revise. */
  readonly draft: keyof Needs & string
  /** Path of the prompt that scores and criticises {{draft}}. */
  readonly critique: string
  /** Path of the prompt that rewrites {{draft}} by {{critique}}. */
  readonly revision: string
  /** What is scored, each from 1 to 10; the names are keys of the reply. */
  readonly rubric: readonly string[]
  /** How a rewritten text is read. */
  readonly reply: Reply<string>
  /** Revisions at most. */
  readonly rounds: number
  /** A mean score from which on no revision is asked for. */
  readonly stopAt: number
  /** A row whose best text scores less is dropped. */
  readonly least: number
  readonly concurrency?: number
}

/** Draft, critique, revision, looped (Phi-4, arXiv 2412.08905, section 2.2). Rubric, scale, rounds and the rule that the best
 *  scored text stays are ours, not published. */
export function revise<Needs extends Columns>(of: ReviseOptions<Needs>): Stage<Needs, typeof adds> {
  const { name, needs, rubric, rounds, stopAt, least, reply, model, maxTokens } = of
  if (rubric.length === 0 || !Number.isInteger(rounds) || rounds < 0) {
    throw new FulcrumError(
      'config',
      `${name} has ${rubric.length} criteria and ${rounds} rounds`,
      'Give at least one criterion and a whole number of rounds.',
    )
  }
  const columns = Object.keys(needs)
  const critique = checkedPrompt(name, of.critique, [...columns, 'draft', 'criteria'])
  const revision = checkedPrompt(name, of.revision, [...columns, 'draft', 'critique'])
  const loop: Loop = { of, critique, revision, scored: jsonReply(critiqueOf(rubric)) }
  return map({
    ...{ name, needs, adds, models: [model] },
    options: {
      ...askIdentity([critique, revision], of),
      reply: reply.id,
      ...{ rubric, rounds, stopAt, least, draft: of.draft },
    },
    callsPerRow: 1 + 2 * rounds,
    asks: {
      requestsPerRow: 1 + 2 * rounds,
      maxTokens,
      longestPrefix: Math.ceil(critique.length / 3) + maxTokens,
    },
    concurrency: of.concurrency ?? 8,
    each: (row, run) => revised(loop, row, run),
  })
}

const critiqueOf = (rubric: readonly string[]) =>
  z.object({
    scores: z.object(Object.fromEntries(rubric.map((criterion) => [criterion, z.number().min(1).max(10)]))),
    critique: z.string().min(1),
  })

type Critique = z.output<ReturnType<typeof critiqueOf>>

interface Loop {
  readonly of: Omit<ReviseOptions<Columns>, 'needs' | 'key' | 'draft'> & { key: string; draft: string }
  readonly critique: PromptFile
  readonly revision: PromptFile
  readonly scored: Reply<Critique>
}

/** A text whose critique cannot be read ends the loop; the best of those before it stays. */
async function revised(
  { of, critique, revision, scored }: Loop,
  row: Readonly<Record<string, unknown>>,
  run: Run,
): Promise<Row<typeof adds> | Dropped> {
  const key = (part: string, round: number) => [of.name, String(row[of.key]), part, round]
  const settings = { criteria: of.rubric.join(', ') }
  const tried: { text: string; score: number }[] = []
  const critiques: string[] = []
  let text = String(row[of.draft])
  for (let round = 0; ; round++) {
    const asked = critique.render({ ...row, draft: text }, settings)
    const verdict = await askModel(of, { messages: asked, reply: scored, key: key('critique', round) }, run)
    if ('unread' in verdict) {
      if (round === 0) return { drop: `critique not readable: ${verdict.unread}` }
      break
    }
    tried.push({ text, score: mean(Object.values(verdict.value.scores)) })
    critiques.push(verdict.value.critique)
    if (round >= of.rounds || (tried.at(-1)?.score ?? 0) >= of.stopAt) break
    const messages = revision.render({ ...row, draft: text, critique: verdict.value.critique }, settings)
    const next = await askModel(of, { messages, reply: of.reply, key: key('revision', round) }, run)
    if ('unread' in next) break
    text = next.value
  }
  const [first] = tried as [{ text: string; score: number }]
  const best = tried.reduce((kept, other) => (other.score > kept.score ? other : kept), first)
  if (best.score < of.least) return { drop: `scores under ${of.least}: ${best.score.toFixed(1)}` }
  return {
    revised: best.text,
    revision_rounds: tried.length - 1,
    draft_score: first.score,
    revised_score: best.score,
    critiques,
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
