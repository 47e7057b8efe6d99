import { z } from 'zod'
import { jsonReply, type Reply } from './reply.ts'

const turn = z.object({ role: z.enum(['user', 'assistant']), content: z.string().trim().min(1) })
const conversation = z
  .array(turn)
  .min(2)
  .refine(
    (turns) => turns.length % 2 === 0 && turns.every(({ role }, i) => role === roles[i % 2]),
    'user and assistant must take turns, the assistant last',
  )
const roles = ['user', 'assistant']

/** One turn of a conversation. */
type Turn = z.output<typeof turn>

const reply = jsonReply(z.object({ messages: conversation }))

/** A conversation in which user and assistant take turns; as JSON, so that it is a text that can be revised. */
export const conversationReply: Reply<string> = {
  id: `conversation/1 ${reply.id}`,
  read: (text) => {
    const reading = reply.read(text)
    return 'unread' in reading ? reading : { value: JSON.stringify(reading.value.messages, null, 1) }
  },
}

/** The turns of what {@link conversationReply} gave. */
export const readConversation = (text: string): Turn[] => conversation.parse(JSON.parse(text))
