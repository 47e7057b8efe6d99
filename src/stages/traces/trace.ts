import { FulcrumError } from '../../errors.ts'
import type { Completion, Model, Tokenizer } from '../../model/model.ts'
import { col, type Row } from '../../record/columns.ts'
import type { Asked } from './ask.ts'
import { splitThought, type Thought } from './thought.ts'

/** Columns of a trace as it came. */
export const traceColumns = {
  trace_id: col.string('problem id and number of the sample'),
  prompt: col.string(
    'what the teacher was given: the chat template rendered, or the problem where the endpoint renders it',
  ),
  prompt_ids: col.nullable(col.list(col.int32('token id'), 'exact ids of the prompt')),
  completion: col.string("the teacher's worked answer, without end token"),
  completion_ids: col.nullable(col.list(col.int32('token id'), 'exact ids, end token included')),
  finish_reason: col.string('stop, or length where the token limit cut it off'),
  thinking: col.nullable(
    col.string(
      'what stands between <think> and </think>; null without one whole block. An endpoint that gives its reasoning apart has it here',
    ),
  ),
  solution: col.string('what stands behind the thinking; the whole completion without one whole block'),
  think_form: col.string('none, opened by the prompt, whole, or broken'),
  end_token: col.nullable(
    col.string("text of the teacher's end token; null where its engine hides it, or the trace has none"),
  ),
  added_bos: col.nullable(
    col.string('text of a beginning-of-sequence token that tokenizers add to the prompt by themselves'),
  ),
  teacher_model: col.string('model that wrote it'),
  teacher_tokenizer_sha256: col.nullable(
    col.string("the teacher's tokenizer.json; null where the ids are not ours to see"),
  ),
  teacher_template_sha256: col.nullable(col.string("the teacher's chat template, if it was rendered here")),
}

/** Which traces are worth keeping as they are, whatever their answer. */
export interface TraceRules {
  /** What becomes of traces that the token limit cut off; drop by default. */
  readonly truncated?: 'drop' | 'keep'
  /** What becomes of traces whose tags of thinking are not one whole block; drop by default. */
  readonly brokenThought?: 'drop' | 'keep'
  /** Traces without any thinking are dropped. */
  readonly requireThought?: boolean
  /** Shortest and longest solution, the thinking not counted, tokens. */
  readonly solutionTokens?: { readonly least?: number; readonly most?: number }
  /** Counts the solution's tokens where the teacher's own tokenizer is not at hand. */
  readonly countWith?: Tokenizer
}

/** A trace, or the reason to drop it. */
export interface ReadTrace {
  readonly reason: string | null
  readonly columns: Row<typeof traceColumns>
}

/** Makes rows of completions, and says which are not worth keeping. */
export function traceReader(
  teacher: Model,
  rules: TraceRules,
): (id: string, asked: Asked, completion: Completion) => ReadTrace {
  const counter = rules.countWith ?? teacher.tokenizer
  if (rules.solutionTokens !== undefined && counter === null) {
    throw new FulcrumError(
      'config',
      `Nothing counts the tokens of ${teacher.id}: solutionTokens cannot hold`,
      'Give a tokenizer as countWith, or leave the caps out.',
    )
  }
  return (id, { text, ids }, completion) => {
    const thought = splitThought(ids === null ? '' : text, completion.text)
    const exact = ids === null ? null : teacher.tokenizer
    const ended = completion.finishReason === 'stop'
    return {
      reason: whyNot(completion, thought, rules, counter),
      columns: {
        trace_id: id,
        prompt: text,
        prompt_ids: ids,
        completion: completion.text,
        completion_ids: completion.tokenIds,
        finish_reason: completion.finishReason,
        thinking: thought.thinking,
        solution: thought.solution,
        think_form: thought.form,
        end_token: ended ? (teacher.tokenizer?.eos.text ?? null) : null,
        added_bos: teacher.tokenizer?.addedBos ?? null,
        teacher_model: teacher.id,
        teacher_tokenizer_sha256: exact?.sha256 ?? null,
        teacher_template_sha256: exact?.chatTemplateSha256 ?? null,
      },
    }
  }
}

/** The part of a run's identity. */
export const ruleOptions = (of: TraceRules): Readonly<Record<string, unknown>> => ({
  truncated: of.truncated ?? 'drop',
  brokenThought: of.brokenThought ?? 'drop',
  requireThought: of.requireThought ?? false,
  ...(of.solutionTokens !== undefined && { solutionTokens: of.solutionTokens }),
  ...(of.countWith !== undefined && { countWith: of.countWith.sha256 }),
})

function whyNot(
  { finishReason }: Completion,
  { form, reason, solution }: Thought,
  { truncated = 'drop', brokenThought = 'drop', requireThought = false, solutionTokens }: TraceRules,
  counter: Tokenizer | null,
): string | null {
  // What was cut off is judged by nothing else: its block cannot be whole.
  if (finishReason === 'length') return truncated === 'drop' ? 'trace truncated at the token limit' : null
  if (form === 'broken' && brokenThought === 'drop') return `thinking is broken: ${String(reason)}`
  if (form === 'none' && requireThought) return 'no thinking'
  if (solutionTokens === undefined || counter === null) return null
  const { least = 0, most = Infinity } = solutionTokens
  const tokens = counter.encode(solution).length
  if (tokens < least) return `solution under ${least} tokens`
  return tokens > most ? `solution over ${most} tokens` : null
}
