import type { Completion, Prompt, SampleOptions, ScoreOptions, Tokenizer, TokenScore } from '../model.ts'
import { type Catalogue, requireName, requireRoom } from './catalogue.ts'
import { completionOf, scoreOf } from './completion.ts'
import { isPlain } from './conversion.ts'
import type { Connection } from './connection.ts'
import type { DialectName } from './dialect.ts'
import { cannot, type Endpoint, inParts } from './endpoint.ts'
import { checksOf } from './checks.ts'
import { type Probed, probeTokens, wantsFor } from './probe.ts'

/** A server that takes a prompt as it is: token ids where it can. */
export async function tokenEndpoint(
  connection: Connection,
  tokenizer: Tokenizer | null,
  name: DialectName,
  catalogue: Catalogue,
): Promise<Endpoint> {
  if (name !== 'vllm') requireName(connection, catalogue)
  const probed = await probeTokens(connection, tokenizer, name, catalogue)
  const { capabilities, dialect } = probed
  const asking: Asking = { connection, tokenizer, probed, context: catalogue.context }
  return {
    dialect: name,
    capabilities,
    tokenizer,
    atOnce: dialect.atOnce,
    checks: checksOf(probed, catalogue),
    sample: (prompt, options) => sample(asking, prompt, options),
    score: (ids, options) => score(asking, ids, options),
  }
}

interface Asking {
  readonly connection: Connection
  readonly tokenizer: Tokenizer | null
  readonly probed: Probed
  readonly context: number | null
}

type Given = string | readonly number[]
type Told = Pick<SampleOptions, 'signal' | 'onUsage'>

async function sample(
  asking: Asking,
  prompt: Prompt,
  options: SampleOptions,
): Promise<readonly Completion[]> {
  const given = promptOf(asking, prompt)
  if (typeof given !== 'string') requireRoom(asking.connection, asking.context, given.length)
  const banned = options.bannedFirst ?? []
  if (banned.length === 0) return draw(asking, given, options, [])
  if (asking.probed.capabilities.bannedFirst !== true || typeof given === 'string')
    throw cannot(asking.connection, 'ban first tokens')
  return withoutFirst(asking, given, options, banned)
}

const draw = (
  { connection, probed: { dialect, reading } }: Asking,
  prompt: Given,
  options: SampleOptions,
  banned: readonly number[],
): Promise<readonly Completion[]> =>
  inParts(options, dialect.atOnce, (part) => {
    const call = dialect.draw(prompt, part, wantsFor(part, dialect, banned))
    return connection.ask({
      ...call,
      read: (value) => {
        const reply = call.read(value)
        return reply.drawn.map((drawn) => completionOf(drawn, reply, part, reading))
      },
      seed: part.seed,
      ...toldOf(options),
    })
  })

const toldOf = ({ signal, onUsage }: Told): Told => ({
  ...(signal !== undefined && { signal }),
  ...(onUsage !== undefined && { onUsage }),
})

/** Apart from the seeds of first tokens: one seed for both would draw the second token with the first one's dice. */
const seedShift = 2 ** 30

/** Completions that begin with none of the banned ids. A server's bias holds for every token, so the first one is drawn
 *  alone, and neighbours with the same first token go on in one request. */
async function withoutFirst(
  asking: Asking,
  prompt: readonly number[],
  options: SampleOptions,
  banned: readonly number[],
): Promise<readonly Completion[]> {
  const tokenizer = asking.tokenizer as Tokenizer
  const { n, temperature, maxTokens, seed } = options
  const firsts = await draw(asking, prompt, { ...options, maxTokens: 1 }, banned)
  const startsOf = firsts.map(({ tokenIds }) => tokenIds?.[0])
  const wrong = startsOf.find((id) => id === undefined || banned.includes(id))
  if (wrong !== undefined || startsOf.includes(undefined))
    throw cannot(asking.connection, `keep token ${wrong ?? 'without an id'} from coming first`)
  const runs = temperature === 0 && n > 0 ? [{ from: 0, length: n }] : runsOf(startsOf)
  const parts = runs.map(async ({ from, length }) => {
    const alone = firsts[from] as Completion
    const start = startsOf[from] as number
    if (alone.finishReason === 'stop' || maxTokens === 1)
      return Array<Completion>(length).fill({ ...alone, logprobs: null, modelLogprobs: null })
    const rest = await draw(
      asking,
      [...prompt, start],
      { ...options, n: length, maxTokens: maxTokens - 1, seed: (seed + from + seedShift) % 2 ** 31 },
      [],
    )
    return rest.map((one) => joined(start, one, prompt.length, tokenizer))
  })
  return (await Promise.all(parts)).flat()
}

function runsOf(ids: readonly (number | undefined)[]): { from: number; length: number }[] {
  const runs: { from: number; length: number }[] = []
  for (const [i, id] of ids.entries()) {
    const last = runs.at(-1)
    if (last !== undefined && ids[last.from] === id) last.length++
    else runs.push({ from: i, length: 1 })
  }
  return runs
}

/** Its log-probabilities are not known: the first token's was drawn among fewer. */
function joined(start: number, rest: Completion, promptTokens: number, tokenizer: Tokenizer): Completion {
  const tokenIds = [start, ...(rest.tokenIds ?? [])]
  return {
    ...rest,
    text: tokenizer.decode(rest.finishReason === 'stop' ? tokenIds.slice(0, -1) : tokenIds),
    tokenIds,
    logprobs: null,
    modelLogprobs: null,
    promptTokens,
    completionTokens: rest.completionTokens + 1,
  }
}

/** Most likely tokens that a score asks for, where the sampler is not the model itself. */
const listed = 20

async function score(
  { connection, tokenizer, probed, context }: Asking,
  ids: readonly number[],
  options: ScoreOptions,
): Promise<readonly TokenScore[]> {
  const { dialect, capabilities } = probed
  if (!capabilities.score) throw cannot(connection, 'score given tokens')
  requireRoom(connection, context, ids.length)
  const { temperature, topP, topK, minP = 0, from } = options
  const plain = temperature === 1 && isPlain(options)
  const asked = plain ? 1 : Math.min(dialect.mostTop, Math.max(listed, topK))
  const calls = dialect.score(ids, from, asked)
  const told = toldOf(options)
  const given = (await Promise.all(calls.map((call) => connection.ask({ ...call, seed: 0, ...told })))).flat()
  const scores = given.map((one, i) =>
    scoreOf(ids[from + i] as number, one, { rule: options, asked, tokenizer }),
  )
  const whole = scores.filter((one) => one !== null)
  if (whole.length === scores.length) return whole
  const sampler = `temperature ${temperature}, top_p ${topP}, top_k ${topK}, min_p ${minP}`
  throw cannot(connection, `give the sampler's log-probabilities at ${sampler}`)
}

/** The prompt as the server takes it: exact ids where it does, else text with the template rendered here. */
function promptOf({ connection, tokenizer, probed }: Asking, prompt: Prompt): Given {
  const takesIds = probed.capabilities.tokenIdsIn
  if (prompt.kind === 'tokens') {
    if (takesIds) return prompt.ids
    throw cannot(connection, 'take token ids')
  }
  if (prompt.kind === 'chat' && tokenizer === null)
    throw cannot(connection, 'take messages without a tokenizer')
  const text = prompt.kind === 'text' ? prompt.text : (tokenizer as Tokenizer).renderChat(prompt.messages)
  return tokenizer !== null && takesIds ? tokenizer.encode(text) : text
}
