import { FulcrumError } from '../errors.ts'
import type { ChatMessage } from './messages.ts'

/** The chat template of the model that is to be trained. A tokenizer of a model is one. */
export interface ChatTemplate {
  /** sha256 of its text, hex. */
  readonly chatTemplateSha256: string | null
  /** Its end-of-sequence token, which texts end with and messages do not. */
  readonly eos?: { readonly text: string }
  /** The whole conversation as text; with add_generation_prompt false nothing follows the last turn but its end. */
  renderChat(
    messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[],
    variables: { readonly add_generation_prompt: boolean },
  ): string
}

/** What a config of messages wants to know. */
export interface MessagesOptions {
  /** The template that trainers will render the messages with: the tokenizer of the model to be trained. */
  readonly template: ChatTemplate | null
}

/** Why a conversation does not come out of a template as it went in, byte for byte, or null if it does. Templates of
 *  reasoning models take `<think>` blocks out of answers; others trim white space. */
export function lossOf(template: ChatTemplate, messages: readonly ChatMessage[]): string | null {
  const wrong = orderMistake(messages)
  if (wrong !== null) return wrong
  const turns = messages as readonly { role: 'system' | 'user' | 'assistant'; content: string }[]
  let rendered: string
  try {
    rendered = template.renderChat(turns, { add_generation_prompt: false })
  } catch (error) {
    // Templates refuse what they cannot hold, as a system turn.
    return `the chat template refuses it: ${error instanceof Error ? error.message : String(error)}`
  }
  let from = 0
  for (const { role, content } of messages) {
    const at = rendered.indexOf(content, from)
    if (at < 0) return `the chat template ${changeOf(content, rendered.slice(from))} (${role})`
    from = at + content.length
  }
  return null
}

/** A check of every row of a config, made once: without a template none can be made. */
export function roundTripOf(
  config: string,
  { template }: MessagesOptions,
): (id: string, messages: readonly ChatMessage[]) => readonly ChatMessage[] {
  if (template === null) {
    throw new FulcrumError(
      'plan',
      `The dataset config ${config} has no chat template to check its messages with`,
      'Give the tokenizer of the model to be trained as `template`, or write text configs, as sft_text.',
    )
  }
  return (id, messages) => {
    const loss = lossOf(template, messages)
    if (loss === null) return messages
    throw new FulcrumError(
      'data',
      `Row ${id} cannot be written as messages (${config}): ${loss}`,
      'Write sft_text or dpo_branch_text instead, which hold the text itself; or drop such rows by survivesTemplate() before.',
    )
  }
}

/** system? then user and assistant in turn, ending in assistant, nobody silent. */
function orderMistake(messages: readonly ChatMessage[]): string | null {
  const turns = messages[0]?.role === 'system' ? messages.slice(1) : messages
  const odd = turns.findIndex(({ role }, i) => role !== (i % 2 === 0 ? 'user' : 'assistant'))
  if (odd >= 0) {
    return `turn ${odd + 1} is ${String(turns[odd]?.role)}, not ${odd % 2 === 0 ? 'user' : 'assistant'}`
  }
  if (turns.length === 0 || turns.length % 2 === 1) return 'it does not end in an answer'
  const silent = messages.find(({ content }) => content === '')
  return silent === undefined ? null : `a turn of ${silent.role} is empty`
}

function changeOf(content: string, rendered: string): string {
  const block = /<think>[\s\S]*?<\/think>/.exec(content)?.[0]
  if (block !== undefined && !rendered.includes(block)) return 'takes the <think> block out'
  return rendered.includes(content.trim()) ? 'trims the white space' : 'changes the text'
}
