import { col } from './columns.ts'

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: string
  readonly content: string
}

const message = {
  role: col.string('system, user or assistant'),
  content: col.string('its text'),
}

/** A column that holds one turn. */
export const messageColumn = (meaning: string) => col.struct(message, meaning)

/** A column that holds a conversation. */
export const messagesColumn = (meaning: string) => col.list(messageColumn('one turn'), meaning)

/** Columns a conversation about a problem is made of, where the pipeline has them. */
export const conversationWants = {
  system: col.nullable(col.string('system prompt of the conversation')),
  prompt_messages: col.nullable(
    messagesColumn(
      'the conversation up to the answer, ending in user; without it the problem is the only turn',
    ),
  ),
}

interface Asked {
  readonly problem: string
  readonly system?: string | null
  readonly prompt_messages?: readonly ChatMessage[] | null
}

/** The conversation that an answer is given in: ends in user. */
export function promptMessages({ problem, system, prompt_messages: given }: Asked): ChatMessage[] {
  const turns = given ?? [{ role: 'user', content: problem }]
  const wantsSystem = typeof system === 'string' && system !== '' && turns[0]?.role !== 'system'
  return [...(wantsSystem ? [{ role: 'system', content: system }] : []), ...turns]
}

/** The same with the answer. */
export const answered = (asked: Asked, content: string): ChatMessage[] => [
  ...promptMessages(asked),
  { role: 'assistant', content },
]

/** An answer whose thinking the prompt has opened, with the tag that the prompt had: a message begins behind no prompt. */
export function wholeThought(completion: string): string {
  if (!completion.includes('</think>') || completion.includes('<think>')) return completion
  return completion.startsWith('\n') ? `<think>${completion}` : `<think>\n${completion}`
}
