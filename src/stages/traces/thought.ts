/** A completion as thinking and solution. */
export interface Thought {
  /** `broken`: there are tags of thinking, but not one whole block before the solution. */
  readonly form: 'none' | 'opened by the prompt' | 'whole' | 'broken'
  /** What stands in the block; null without a whole one. */
  readonly thinking: string | null
  /** What stands behind the block; all of the completion without a whole one. */
  readonly solution: string
  /** What is wrong with a broken block, or null. */
  readonly reason: string | null
}

const [open, close] = ['<think>', '</think>']

/** Splits `<think> {thinking} </think> {solution}`, the format of Phi-4-reasoning (arXiv:2504.21318, section 3). A prompt
 *  that ends in `<think>` has opened the block already. Nothing is trimmed but the white space around the two parts. */
export function splitThought(prompt: string, completion: string): Thought {
  const opened = prompt.trimEnd().endsWith(open)
  const broken = (reason: string): Thought => ({
    form: 'broken',
    thinking: null,
    solution: completion,
    reason,
  })
  const [opens, closes] = [count(completion, open), count(completion, close)]
  if (!opened && opens === 0 && closes === 0)
    return { form: 'none', thinking: null, solution: completion, reason: null }
  if (opens > (opened ? 0 : 1)) return broken('thinking begins twice')
  if (!opened && opens === 0) return broken('thinking ends and never began')
  if (closes === 0) return broken('thinking never ends')
  if (closes > 1) return broken('thinking ends twice')
  const body = opened ? completion : completion.trimStart()
  if (!opened && !body.startsWith(open)) return broken('text before the thinking')
  const end = body.indexOf(close)
  const solution = body.slice(end + close.length).trim()
  if (solution === '') return broken('no solution behind the thinking')
  return {
    form: opened ? 'opened by the prompt' : 'whole',
    thinking: body.slice(opened ? 0 : open.length, end).trim(),
    solution,
    reason: null,
  }
}

const count = (text: string, tag: string): number => text.split(tag).length - 1
