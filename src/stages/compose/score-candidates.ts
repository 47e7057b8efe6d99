import { z } from 'zod'
import { map } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Row } from '../../record/columns.ts'
import { askIdentity, checkedPrompt } from './ask.ts'
import { askModel, type Author } from './ask-model.ts'
import { candidateColumns } from './pair-columns.ts'
import { jsonReply } from './reply.ts'

const needs = { ...candidateColumns, problem: col.string('problem text') }

const adds = {
  candidate_scores: col.list(
    col.double('score'),
    'mean over criteria and votes, 1 to 10; 0 for an answer whose score could not be read',
  ),
  judge_id: col.string('judge: and the model that scored'),
}

export interface ScoreCandidatesOptions extends Author {
  /** Path of the prompt that scores {{candidate}}. */
  readonly prompt: string
  /** What is scored, each from 1 to 10; the names are keys of the reply. */
  readonly rubric: readonly string[]
  /** Scores that are taken of each answer. */
  readonly votes: number
  /** Answers a row is expected to have, for the plan. */
  readonly candidates: number
  readonly concurrency?: number
}

/** Lets a judge score each answer apart from the others, so that no order can sway it. A judge is a model and can be wrong or
 *  talked over: the scores are its opinion and labelled so. */
export function scoreCandidates(of: ScoreCandidatesOptions): Stage<typeof needs, typeof adds> {
  const { model, rubric, votes, candidates, maxTokens } = of
  const prompt = checkedPrompt('scoreCandidates', of.prompt, [
    ...Object.keys(needs),
    ...['candidate', 'criteria'],
  ])
  const reply = jsonReply(
    z.object({
      scores: z.object(Object.fromEntries(rubric.map((criterion) => [criterion, z.number().min(1).max(10)]))),
    }),
  )
  const scoreOf = async (row: Row<typeof needs>, i: number, run: Run): Promise<number> => {
    const messages = prompt.render({ ...row, candidate: row.candidates[i] }, { criteria: rubric.join(', ') })
    const scores: number[] = []
    for (let vote = 0; vote < votes; vote++) {
      const key = ['scoreCandidates', row.id, i, vote]
      const found = await askModel(of, { messages, reply, key }, run)
      if ('unread' in found) run.count('scores that could not be read')
      else scores.push(mean(Object.values(found.value.scores)))
    }
    return scores.length === 0 ? 0 : mean(scores)
  }
  return map({
    ...{ name: 'scoreCandidates', needs, adds, models: [model] },
    options: { ...askIdentity([prompt], of), rubric, votes },
    callsPerRow: candidates * votes,
    asks: { requestsPerRow: candidates * votes, maxTokens, longestPrefix: Math.ceil(prompt.length / 3) },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => ({
      candidate_scores: await Promise.all(row.candidates.map((_, i) => scoreOf(row, i, run))),
      judge_id: `judge:${model.id}`,
    }),
  })
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
