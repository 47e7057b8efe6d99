import { FulcrumError } from '../errors.ts'
import type { Message, Tokenizer } from '../model/model.ts'

/** A conversation as the model sees it: what it is given, and the last answer with its end token. */
export interface ConversationIds {
  readonly promptIds: readonly number[]
  readonly completionIds: readonly number[]
}

/** Ids of a conversation that ends in an answer, rendered with the model's own chat template. What the template puts
 *  behind the end token, as a line break, is not trained. */
export function conversationIds(
  tokenizer: Tokenizer,
  messages: readonly Message[],
  place: string,
): ConversationIds {
  const answer = messages.at(-1)
  if (answer?.role !== 'assistant' || messages.length < 2) {
    throw new FulcrumError('train', `${place} does not end in an answer`, 'Use a config as sft or dpo_full.')
  }
  const prompt = tokenizer.renderChat(messages.slice(0, -1))
  const whole = tokenizer.renderChat(messages, { add_generation_prompt: false })
  const end = tokenizer.eos.text
  const rest = whole.startsWith(prompt) ? whole.slice(prompt.length) : ''
  if (!rest.startsWith(answer.content)) {
    throw new FulcrumError(
      'train',
      `${place} does not survive the model's chat template: an answer it writes is not the answer there`,
      'Train on sft_text or dpo_branch_text, which hold the text itself.',
    )
  }
  const at = rest.indexOf(end, answer.content.length)
  const completion = at < 0 ? answer.content + end : rest.slice(0, at + end.length)
  return { promptIds: tokenizer.encode(prompt), completionIds: tokenizer.encode(completion) }
}

/** The turns of a column of messages, or null where it is none. */
export function messagesOf(value: unknown): readonly Message[] | null {
  const isTurn = (turn: unknown): boolean => {
    const { role, content } = (turn ?? {}) as { role?: unknown; content?: unknown }
    return typeof role === 'string' && typeof content === 'string'
  }
  return Array.isArray(value) && value.length > 0 && value.every(isTurn) ? (value as Message[]) : null
}
