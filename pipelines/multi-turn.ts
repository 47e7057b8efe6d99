import {
  ask,
  authorOptions,
  col,
  conversationReply,
  decontaminate,
  definePipeline,
  filterLanguage,
  filterLength,
  loadTokenizer,
  locate,
  map,
  openAuthor,
  passages,
  Pipeline,
  readConversation,
  revise,
  sft,
  survivesTemplate,
} from 'fulcrum'
import { z } from 'zod'

const seed = { seed_id: col.string('passage id'), text: col.string('the passage') }
const drafted = { draft_conversation: col.string('messages as JSON') }
const message = { role: col.string('user or assistant'), content: col.string('its text') }
const finished = {
  id: col.string('passage it was made from'),
  trace_id: col.string('the same'),
  problem: col.string('first question'),
  completion: col.string('last answer'),
  answer: col.string('reference answer; conversations have none: empty'),
  teacher_model: col.string('model that wrote it'),
  conversation_text: col.string('all turns as one text, for the comparison with benchmarks'),
  messages: col.list(col.struct(message, 'one turn'), 'user and assistant in turn'),
}

/** Conversations from snippets, with self-revision (Phi-4, appendix D.1.3). */
export default definePipeline({
  name: 'multi-turn',
  description: 'Passages -> conversation -> critique with scores -> revision, looped -> conversations',
  example:
    'fulcrum run multi-turn --passages passages.jsonl --against gsm8k --model http://localhost:8000/v1#big --template models/small',
  options: authorOptions.extend({
    passages: z
      .string()
      .default('datasets/passages/passages.jsonl')
      .describe('JSONL or Parquet with text, and id if there is one'),
    against: z
      .array(z.string())
      .min(1)
      .describe('benchmarks that must not leak: files, NAME=PATH, or names of fulcrum benchmarks list'),
    template: z
      .string()
      .describe('model folder of the model to be trained, whose chat template the messages must survive'),
    language: z.array(z.string()).default(['en']).describe('languages of passages that stay'),
    turns: z.int().min(1).default(3).describe('questions of a conversation'),
    rubric: z
      .array(z.string().regex(/^\w+$/, 'wants names of letters, digits and _'))
      .default(['correct', 'helpful', 'coherent', 'natural'])
      .describe('what is scored, each from 1 to 10'),
    rounds: z.int().min(0).default(1).describe('revisions at most'),
    stopAt: z.number().min(1).max(10).default(9).describe('mean score from which on nothing is revised'),
    least: z.number().min(1).max(10).default(7).describe('mean score under which a passage is dropped'),
    prompt: z
      .string()
      .default('pipelines/prompts/conversation.md')
      .describe('prompt that asks for a conversation'),
    critique: z
      .string()
      .default('pipelines/prompts/conversation-critique.md')
      .describe('prompt that scores it'),
    revision: z
      .string()
      .default('pipelines/prompts/conversation-revision.md')
      .describe('prompt that rewrites it'),
  }),
  build: async ({ against, turns, rubric, rounds, stopAt, least, critique, revision, ...options }) => {
    const author = await openAuthor(options, process.env.OPENAI_API_KEY)
    const template = await loadTokenizer(locate(options.template))
    return Pipeline.from(passages(locate(options.passages)))
      .through(filterLength({ field: 'text', least: 20, most: 4000 }))
      .through(filterLanguage({ field: 'text', languages: options.language }))
      .through(decontaminate({ against, fields: ['text'], as: 'seed' }))
      .through(
        ask({
          ...author,
          name: 'converse',
          needs: seed,
          adds: drafted,
          key: 'seed_id',
          prompt: options.prompt,
          settings: { turns },
          reply: conversationReply,
          each: (conversation) => [{ draft_conversation: conversation }],
        }),
      )
      .through(
        revise({
          ...author,
          name: 'revise',
          needs: { ...seed, ...drafted },
          key: 'seed_id',
          draft: 'draft_conversation',
          ...{ critique, revision, rubric, rounds, stopAt, least },
          reply: conversationReply,
        }),
      )
      .through(
        map({
          name: 'finish',
          needs: { seed_id: seed.seed_id, revised: col.string('messages as JSON') },
          adds: finished,
          each: ({ seed_id: id, revised }) => {
            const messages = readConversation(revised)
            return {
              ...{ id, trace_id: id, answer: '', teacher_model: author.model.id, messages },
              conversation_text: messages.map(({ content }) => content).join('\n\n'),
              problem: messages[0]?.content ?? '',
              completion: messages.at(-1)?.content ?? '',
            }
          },
        }),
      )
      .through(decontaminate({ against, fields: ['conversation_text', 'completion'] }))
      .through(survivesTemplate({ template }))
      .into(sft({ template }))
  },
})
