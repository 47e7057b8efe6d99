import type { Capabilities, Tokenizer } from '../model.ts'
import { type Catalogue, requireRoom } from './catalogue.ts'
import { completionOf, listFor, type Reading } from './completion.ts'
import { oneValue, type Taken, type Top } from './conversion.ts'
import type { Connection } from './connection.ts'
import {
  type Call,
  type DialectName,
  type Drawn,
  type Given,
  type Part,
  type Reply,
  type TokenDialect,
  type Wants,
} from './dialect.ts'
import { IncompleteReply, isRefused } from './failure.ts'
import { equal, type Fit, givesIds, probeText, requireFit } from './fit.ts'
import { llamaServer } from './llama-server.ts'
import { sglang } from './sglang.ts'
import { vllm } from './vllm.ts'

/** What a token endpoint was seen to do. */
export interface Probed {
  readonly dialect: TokenDialect
  readonly reading: Reading
  readonly capabilities: Capabilities
  /** Null without exact ids, where there is nothing to compare. */
  readonly fit: Fit | null
}

const tiny: Part = { n: 2, temperature: 1, topP: 1, topK: 0, maxTokens: 4, seed: 1 }
const one: Wants = { top: 1, banned: [] }

/** Asks for two tiny completions, the fullest way first, then for what else matters, and believes only what came back. */
export async function probeTokens(
  connection: Connection,
  tokenizer: Tokenizer | null,
  name: DialectName,
  catalogue: Catalogue,
): Promise<Probed> {
  const text = probeText(tokenizer)
  const ids = tokenizer?.encode(text)
  if (ids !== undefined) requireRoom(connection, catalogue.context, ids.length)
  const { way, reply } = await firstUnderstood(
    waysOf(name, { connection, tokenizer, catalogue }, ids ?? text, text),
    ({ dialect, prompt, n }) => ask(connection, dialect, prompt, { ...tiny, n }),
    connection,
  )
  const dialect = {
    ...way.dialect,
    atOnce: reply.drawn.length === way.n && way.n > 1 ? way.dialect.atOnce : 1,
  }
  const tokenIdsIn = ids !== undefined && typeof way.prompt !== 'string' && tookIds(reply, ids)
  const tokenIdsOut =
    tokenizer !== null && reply.drawn.every((drawn) => givesIds(connection, drawn, tokenizer))
  if (ids === undefined || tokenizer === null || !tokenIdsIn || !tokenIdsOut) {
    const capabilities = { tokenIdsIn, tokenIdsOut, samplerLogprobs: false, score: false }
    return {
      dialect,
      reading: { tokenizer, taken: 'unknown' },
      capabilities: { ...capabilities, bannedFirst: false, seeds: false },
      fit: null,
    }
  }
  return probeExact(connection, { dialect, tokenizer, ids, reply, catalogue })
}

interface Exact {
  readonly dialect: TokenDialect
  readonly tokenizer: Tokenizer
  readonly ids: readonly number[]
  readonly reply: Reply
  readonly catalogue: Catalogue
}

async function probeExact(
  connection: Connection,
  { dialect, tokenizer, ids, reply, catalogue }: Exact,
): Promise<Probed> {
  const fit = await requireFit(connection, tokenizer, dialect, catalogue)
  const { drawn } = reply
  const plain = drawn.map((of) => completionOf(of, reply, tiny, { tokenizer, taken: 'unknown' }))
  // llama-server leaves them out of a completion that has a character of several tokens.
  const at = plain.findIndex(({ logprobs }) => logprobs !== null)
  const samplerLogprobs = at >= 0
  const { ids: given, reported } = drawn[Math.max(at, 0)] as Drawn
  const [scoring, taken, bannedFirst, seeds] = await Promise.all([
    probeScore(connection, dialect, ids, given ?? [], reported),
    samplerLogprobs ? probeTaken(connection, { dialect, ids, tokenizer }) : ('unknown' as const),
    probeBan(connection, dialect, ids),
    probeSeeds(connection, dialect, ids, reply),
  ])
  const capabilities = { tokenIdsIn: true, tokenIdsOut: true, samplerLogprobs, score: scoring !== null }
  return {
    dialect: scoring ?? dialect,
    reading: { tokenizer, taken },
    capabilities: { ...capabilities, bannedFirst, seeds },
    fit,
  }
}

interface Way {
  readonly dialect: TokenDialect
  readonly prompt: string | readonly number[]
  readonly n: number
}

/** Ways to ask, the fullest first. */
function waysOf(
  name: DialectName,
  of: {
    readonly connection: Connection
    readonly tokenizer: Tokenizer | null
    readonly catalogue: Catalogue
  },
  prompt: string | readonly number[],
  text: string,
): Way[] {
  const { baseUrl, model } = of.connection.options
  const eos = of.tokenizer?.eos.id ?? null
  const several = [2, 1]
  if (name === 'sglang') {
    const dialect = sglang({ baseUrl, eos })
    return several.map((n) => ({ dialect, prompt, n }))
  }
  if (name === 'llama-server') {
    const slots = of.catalogue.slots ?? 1
    const dialect = llamaServer({ baseUrl, slots, tokenizer: of.tokenizer })
    return several.filter((n) => n <= slots).map((n) => ({ dialect, prompt, n }))
  }
  const completions = (extended: boolean): TokenDialect =>
    vllm({ model, baseUrl }, { extended, atOnce: 128, eos, scoreWay: 'prompt_logprobs' })
  return [
    { prompt, dialect: completions(true) },
    { prompt, dialect: completions(false) },
    { prompt: text, dialect: completions(false) },
  ].flatMap((way) => several.map((n) => ({ ...way, n })))
}

/** The first way of asking that the server does not refuse, with its reply. */
export async function firstUnderstood<Way, Reply>(
  ways: readonly Way[],
  send: (way: Way) => Promise<Reply>,
  { explain }: Connection,
): Promise<{ way: Way; reply: Reply }> {
  let refusal: unknown
  for (const way of ways) {
    try {
      return { way, reply: await send(way) }
    } catch (error) {
      if (!isRefused(error)) throw await explain(error)
      refusal ??= error
    }
  }
  throw await explain(refusal)
}

const ask = (
  connection: Connection,
  dialect: TokenDialect,
  prompt: string | readonly number[],
  part: Part,
  wants: Wants = one,
): Promise<Reply> => connection.ask({ ...dialect.draw(prompt, part, wants), seed: part.seed, probing: true })

/** Null from a server that does not understand. */
async function askIfUnderstood<T>(connection: Connection, send: () => Promise<T>): Promise<T | null> {
  try {
    return await send()
  } catch (error) {
    if (isRefused(error)) return null
    throw await connection.explain(error)
  }
}

/** Whether the ids were read as ids: the server repeats them, or counts as many. */
const tookIds = ({ promptIds, promptTokens }: Reply, ids: readonly number[]): boolean =>
  promptIds === null ? promptTokens === ids.length : equal(promptIds, ids)

/** The dialect as the server scores given tokens as it scored them when it drew them; null if it does not. */
async function probeScore(
  connection: Connection,
  dialect: TokenDialect,
  prompt: readonly number[],
  drawn: readonly number[],
  logprobs: readonly number[] | null,
): Promise<TokenDialect | null> {
  const ids = [...prompt, ...drawn]
  const { baseUrl, model } = connection.options
  const ways = dialect.name !== 'vllm' ? [dialect] : [dialect, echoing(dialect, { baseUrl, model })]
  for (const way of ways) {
    const calls = way.score(ids, prompt.length, 1).map(once)
    const scores = await askIfUnderstood(connection, () =>
      Promise.all(calls.map((call) => connection.ask({ ...call, seed: 1, probing: true }))),
    )
    const all = scores?.flat() ?? []
    if (all.length !== drawn.length) continue
    // Prefill and decode differ in rounding: 0.01-0.05 nats were seen between kernels of one server.
    const off = all.map(({ logprob }, i) => Math.abs(logprob - (logprobs?.[i] ?? logprob)))
    if (off.every((nats) => nats < 0.1)) return way
  }
  return null
}

/** Scores that are not there at all: asking again would not bring them. */
const once = (call: Call<readonly Given[]>): Call<readonly Given[]> => ({
  ...call,
  read: (value) => {
    try {
      return call.read(value)
    } catch (error) {
      if (error instanceof IncompleteReply) return []
      throw error
    }
  },
})

/** The same server, asked for scores by echo. */
function echoing(dialect: TokenDialect, where: { baseUrl: string; model: string }): TokenDialect {
  const way = { extended: dialect.tokenize !== null, atOnce: 1, eos: null, scoreWay: 'echo' } as const
  const echo = vllm(where, way)
  return { ...dialect, score: (ids, from, top) => echo.score(ids, from, top) }
}

/** Nats. Rounding of one distribution stays below, other temperatures above. */
const near = 0.05

/** Of which distribution reported log-probabilities are: the likeliest tokens at temperature 1, and again at temperature 2
 *  with top-k 2. The model's stay as they are; the sampler's two sum to one; those after temperature draw near to each
 *  other by half. Asked at a few places, since one with a single possible token tells nothing. */
async function probeTaken(
  connection: Connection,
  { dialect, ids, tokenizer }: Pick<Exact, 'dialect' | 'ids' | 'tokenizer'>,
): Promise<Taken> {
  const prefixes = ['', 'I', 'The most'].map((begun) => [...ids, ...tokenizer.encode(begun)])
  const single: Part = { ...tiny, n: 1, maxTokens: 1 }
  const wants = { top: 5, banned: [] }
  for (const prefix of prefixes) {
    const replies = await askIfUnderstood(connection, () =>
      Promise.all([
        ask(connection, dialect, prefix, single, wants),
        ask(connection, dialect, prefix, { ...single, temperature: 2, topK: 2 }, wants),
      ]),
    )
    const [before, after] = replies?.map(({ drawn: [first] }) => first?.top?.[0] ?? []) ?? []
    const taken = takenFrom(before ?? [], after ?? [])
    if (taken !== 'unknown') return taken
  }
  return 'unknown'
}

function takenFrom([first, second]: Top, after: Top): Taken {
  if (first === undefined || second === undefined) return 'unknown'
  const then = [first, second].map(({ id }) => after.find((of) => of.id === id)?.logprob)
  const [a, b] = then
  if (a === undefined || b === undefined) return 'unknown'
  const mass = Math.exp(first.logprob) + Math.exp(second.logprob)
  const peaked = first.logprob > Math.log(0.9) || mass > 0.97
  if (peaked) return 'unknown'
  if (Math.abs(Math.exp(a) + Math.exp(b) - 1) < oneValue) return 'sampler'
  if (Math.abs(a - first.logprob) < near && Math.abs(b - second.logprob) < near) return 'model'
  return Math.abs(a - b - (first.logprob - second.logprob) / 2) < near ? 'tempered' : 'unknown'
}

/** Whether a ban is heeded: of the token that greedy sampling takes. */
async function probeBan(
  connection: Connection,
  dialect: TokenDialect,
  ids: readonly number[],
): Promise<boolean> {
  const greedy: Part = { ...tiny, n: 1, temperature: 0, maxTokens: 1 }
  const firstOf = ({ drawn: [first] }: Reply): number | undefined => first?.ids?.[0]
  const found = await askIfUnderstood(connection, async () => {
    const free = firstOf(await ask(connection, dialect, ids, greedy))
    if (free === undefined) return false
    const other = firstOf(await ask(connection, dialect, ids, greedy, { top: 1, banned: [free] }))
    return other !== undefined && other !== free
  })
  return found === true
}

/** Whether completion 1 of a request is completion 0 of the next seed, and anything repeats at all. */
async function probeSeeds(
  connection: Connection,
  dialect: TokenDialect,
  ids: readonly number[],
  { drawn }: Reply,
): Promise<boolean> {
  const last = drawn.length - 1
  const again = await ask(connection, dialect, ids, { ...tiny, n: 1, seed: tiny.seed + last })
  return equal(again.drawn[0]?.ids ?? [], drawn[last]?.ids ?? [])
}

/** What a rule wants listed. */
export const wantsFor = (part: Part, dialect: TokenDialect, banned: readonly number[] = []): Wants => ({
  top: listFor(part, dialect.mostTop),
  banned,
})
