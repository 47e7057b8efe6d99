import { FulcrumError } from '../errors.ts'
import { expand } from '../pipeline/constructors.ts'
import type { Stage } from '../pipeline/stage.ts'
import { col } from '../record/columns.ts'
import type { Completion, Message, Model, Prompt } from '../model/model.ts'
import { seedFor } from '../statistics/random.ts'

const needs = { id: col.string('problem id'), problem: col.string('problem text') }

const adds = {
  trace_id: col.string('problem id and number of the sample'),
  prompt: col.string(
    'what the teacher was given: the chat template rendered, or the problem where the endpoint renders it',
  ),
  prompt_ids: col.nullable(col.list(col.int32('token id'), 'exact ids of the prompt')),
  completion: col.string("the teacher's worked answer, without end token"),
  completion_ids: col.nullable(col.list(col.int32('token id'), 'exact ids, end token included')),
  end_token: col.nullable(col.string("text of the teacher's end token; null where its engine hides it")),
  added_bos: col.nullable(
    col.string('text of a beginning-of-sequence token that tokenizers add to the prompt by themselves'),
  ),
  teacher_model: col.string('model that wrote it'),
  teacher_tokenizer_sha256: col.nullable(
    col.string("the teacher's tokenizer.json; null where the ids are not ours to see"),
  ),
  teacher_template_sha256: col.nullable(col.string("the teacher's chat template, if it was rendered here")),
}

/** How a model is sampled. */
export interface Sampler {
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  /** Tokens at least this share of the likeliest one's probability are kept; off where left out. */
  readonly minP?: number | undefined
  /** Longest trace, tokens, end token included. */
  readonly maxTokens: number
}

export interface GenerateTracesOptions extends Sampler {
  readonly teacher: Model
  readonly samples: number
  readonly system?: string
  readonly concurrency?: number
}

/** Lets the teacher write worked answers, several a problem. Traces that hit the token limit and repeats of one
 *  problem's trace are dropped with their reason. */
export function generateTraces(of: GenerateTracesOptions): Stage<typeof needs, typeof adds> {
  const { teacher, samples, temperature, topP, topK, maxTokens, system } = of
  checkOptions(of)
  return expand({
    name: 'generateTraces',
    needs,
    adds,
    models: [teacher],
    options: { samples, temperature, topP, topK, maxTokens, system: system ?? null },
    callsPerRow: samples,
    asks: { requestsPerRow: 1, maxTokens, longestPrefix: Math.ceil((system?.length ?? 0) / 3) },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const messages: Message[] = [
        ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
        { role: 'user', content: row.problem },
      ]
      const { prompt, text, ids } = promptFor(teacher, messages)
      const seed = seedFor(run.seed, 'generateTraces', row.id)
      const options = { n: samples, temperature, topP, topK, maxTokens, seed, signal: run.signal }
      const completions = await teacher.sample(prompt, options)
      run.count(
        'teacher_tokens',
        completions.reduce((sum, { completionTokens }) => sum + completionTokens, 0),
      )
      const seen = new Set<string>()
      return completions.flatMap((completion, i) => {
        const reason = whyNot(completion, seen)
        if (completion.finishReason === 'stop') seen.add(completion.text)
        if (reason !== null) {
          run.drop(
            'generateTraces',
            { ...row, trace_id: `${row.id}-${i}`, completion: completion.text },
            reason,
          )
          return []
        }
        return [
          {
            trace_id: `${row.id}-${i}`,
            prompt: text,
            prompt_ids: ids,
            completion: completion.text,
            completion_ids: completion.tokenIds,
            end_token: teacher.tokenizer?.eos.text ?? null,
            added_bos: teacher.tokenizer?.addedBos ?? null,
            teacher_model: teacher.id,
            teacher_tokenizer_sha256: ids === null ? null : (teacher.tokenizer?.sha256 ?? null),
            teacher_template_sha256: ids === null ? null : (teacher.tokenizer?.chatTemplateSha256 ?? null),
          },
        ]
      })
    },
  })
}

/** All that is wrong with the options at once. */
function checkOptions({ samples, temperature, topP, topK, maxTokens }: GenerateTracesOptions): void {
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least
  const wrong = [
    ...(whole(samples, 1) ? [] : [`samples ${samples}`]),
    ...(temperature >= 0 ? [] : [`temperature ${temperature}`]),
    ...(topP > 0 && topP <= 1 ? [] : [`topP ${topP}`]),
    ...(whole(topK, 0) ? [] : [`topK ${topK}`]),
    ...(whole(maxTokens, 1) ? [] : [`maxTokens ${maxTokens}`]),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'config',
    `generateTraces cannot sample with ${wrong.join(', ')}`,
    'Wanted: samples and maxTokens from 1, temperature from 0, topP over 0 up to 1, topK from 0 (0 is off).',
  )
}

function whyNot({ finishReason, text }: Completion, seen: ReadonlySet<string>): string | null {
  if (finishReason === 'length') return 'trace truncated at the token limit'
  return seen.has(text) ? 'same trace as another sample' : null
}

/** A chat as the engine takes it: exact ids with the template rendered once here, or messages for a hosted endpoint. */
export function promptFor(
  model: Model,
  messages: readonly Message[],
): { prompt: Prompt; text: string; ids: readonly number[] | null } {
  const { tokenizer } = model
  if (tokenizer === null || !model.capabilities.tokenIdsIn) {
    const text = messages.map(({ content }) => content).join('\n\n')
    return { prompt: { kind: 'chat', messages }, text, ids: null }
  }
  const text = tokenizer.renderChat(messages)
  const ids = tokenizer.encode(text)
  return { prompt: { kind: 'tokens', ids }, text, ids }
}
