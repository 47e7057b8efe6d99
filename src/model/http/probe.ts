import { FulcrumError } from '../../errors.ts'
import type { Capabilities, Message, Tokenizer } from '../model.ts'
import { chatBody, type ChatDialect, readChat } from './chat.ts'
import {
  type Choice,
  completionBody,
  completionOf,
  type CompletionReply,
  type Dialect,
  readCompletions,
} from './completions.ts'
import type { Connection } from './connection.ts'
import { IncompleteReply, isRefused } from './failure.ts'
import { readScores, scoreBody, type ScoreWay } from './score.ts'

export interface CompletionsProbe {
  readonly dialect: Dialect
  readonly scoreWay: ScoreWay | null
  readonly capabilities: Capabilities
}

const tiny = { n: 2, temperature: 1, topP: 1, topK: 0, maxTokens: 4, seed: 1 }
const question: readonly Message[] = [{ role: 'user', content: 'What is 1 + 1?' }]

/** Asks a /completions endpoint for two tiny completions, the fullest way first, and believes only what came back. */
export async function probeCompletions(
  connection: Connection,
  tokenizer: Tokenizer | null,
): Promise<CompletionsProbe> {
  const text = 'What is 1 + 1?'
  const ids = tokenizer?.encode(tokenizer.chatTemplateSha256 === null ? text : tokenizer.renderChat(question))
  const { model } = connection.options
  const tries = [
    { prompt: ids ?? text, extended: true },
    { prompt: ids ?? text, extended: false },
    { prompt: text, extended: false },
  ].flatMap(({ prompt, extended }) => [2, 1].map((n) => ({ prompt, extended, n })))
  const { reply, way } = await firstUnderstood(
    tries,
    async ({ prompt, extended, n }) => {
      const body = completionBody(model, prompt, { ...tiny, n }, { extended, many: n > 1 })
      return connection.ask({ path: '/completions', body, read: readCompletions, seed: 1, probing: true })
    },
    connection,
  )

  const dialect = { extended: way.extended, many: reply.choices.length === way.n && way.n > 1 }
  const tokenIdsIn = ids !== undefined && typeof way.prompt !== 'string' && tookIds(reply, ids)
  const tokenIdsOut = tokenizer !== null && reply.choices.every((choice) => gaveIds(choice, tokenizer, model))
  const logprobs = reply.choices.map((choice) => completionOf(choice, reply, tokenizer, tiny).logprobs)
  const samplerLogprobs = tokenIdsOut && logprobs.every((values) => values !== null)
  const [first] = reply.choices
  const scoreWay =
    tokenIdsIn && tokenIdsOut && first !== undefined
      ? await probeScore(connection, ids, first, samplerLogprobs ? (logprobs[0] ?? null) : null, dialect)
      : null
  return {
    dialect,
    scoreWay,
    capabilities: { tokenIdsIn, tokenIdsOut, samplerLogprobs, score: scoreWay !== null },
  }
}

/** Asks a /chat/completions endpoint the same. It hides token ids, so there is nothing exact about it. */
export async function probeChat(connection: Connection): Promise<ChatDialect> {
  const tries = (['max_tokens', 'max_completion_tokens'] as const).flatMap((limit) =>
    [true, false].map((many) => ({ limit, many })),
  )
  const { reply, way } = await firstUnderstood(
    tries,
    async (dialect) => {
      const body = chatBody(connection.options.model, question, { ...tiny, n: dialect.many ? 2 : 1 }, dialect)
      return connection.ask({ path: '/chat/completions', body, read: readChat, seed: 1, probing: true })
    },
    connection,
  )
  return { limit: way.limit, many: way.many && reply.length === 2 }
}

/** The first way of asking that the server does not refuse, with its reply. */
async function firstUnderstood<Way, Reply>(
  ways: readonly Way[],
  ask: (way: Way) => Promise<Reply>,
  { explain }: Connection,
): Promise<{ way: Way; reply: Reply }> {
  let refusal: unknown
  for (const way of ways) {
    try {
      return { way, reply: await ask(way) }
    } catch (error) {
      if (!isRefused(error)) throw await explain(error)
      refusal ??= error
    }
  }
  throw await explain(refusal)
}

/** Whether the ids were read as ids: the server repeats them, or counts as many. */
function tookIds({ choices: [choice], usage }: CompletionReply, ids: readonly number[]): boolean {
  const repeated = choice?.prompt_token_ids ?? null
  if (repeated !== null) return repeated.length === ids.length && repeated.every((id, i) => id === ids[i])
  return usage?.prompt_tokens === ids.length
}

/** Whether a choice has ids, and the tokenizer reads them as the server's own text. If not, the tokenizer is another
 *  model's and everything made with it would be wrong. */
function gaveIds(
  { token_ids: ids, text, stop_reason: stop, finish_reason: reason }: Choice,
  tokenizer: Tokenizer,
  model: string,
): boolean {
  if (ids === null || ids === undefined) return false
  const atEnd = reason === 'stop' && (ids.at(-1) === tokenizer.eos.id || ids.at(-1) === stop)
  const decoded = tokenizer.decode(atEnd ? ids.slice(0, -1) : ids)
  // A cut inside a character shows differently here and there.
  const bare = (of: string): string => of.replace(/\ufffd+$/, '').trim()
  if (bare(decoded) === bare(text)) return true
  throw new FulcrumError(
    'model',
    `The tokenizer does not fit ${model}: the server's ids read ${JSON.stringify(decoded)} here and ${JSON.stringify(text)} there`,
    'Give the folder of the very model that is served.',
  )
}

/** The way in which the server scores given tokens as it scored them when it drew them; null if none. */
async function probeScore(
  connection: Connection,
  prompt: readonly number[],
  { token_ids: drawn }: Choice,
  logprobs: readonly number[] | null,
  dialect: Dialect,
): Promise<ScoreWay | null> {
  const ids = [...prompt, ...(drawn ?? [])]
  for (const way of ['prompt_logprobs', 'echo'] as const) {
    try {
      const scores = await connection.ask({
        path: '/completions',
        body: scoreBody(connection.options.model, ids, way, dialect),
        read: (value) => {
          const reply = readCompletions(value)
          try {
            return readScores(reply, ids, prompt.length, way)
          } catch (error) {
            // Not there at all: asking again would not bring it.
            if (error instanceof IncompleteReply) return null
            throw error
          }
        },
        seed: 1,
        probing: true,
      })
      // Prefill and decode differ in rounding: 0.01-0.05 nats were seen between kernels of one server.
      if (
        scores?.every(
          ({ logprob }, i) => logprobs === null || Math.abs(logprob - (logprobs[i] ?? Number.NaN)) < 0.1,
        ) === true
      )
        return way
    } catch (error) {
      if (!isRefused(error)) throw await connection.explain(error)
    }
  }
  return null
}
