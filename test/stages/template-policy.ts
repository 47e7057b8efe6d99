import type { Model, Tokenizer } from '../../src/model/model.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { rngFor } from '../../src/statistics/random.ts'
import type { Verifier } from '../../src/verify/verifier.ts'

/** Tokens that may stand at a place, with their probabilities. */
type Choices = readonly (readonly [token: string, probability: number])[]

/** A policy that fills the places of a template one by one, each with one token: a fixed one, or one of several, which may hang
 *  on what it has written. */
export interface Template {
  readonly problem: string
  readonly answer: string
  readonly places: readonly (string | Choices | ((written: string) => Choices))[]
}

const [asked, end] = ['<asked>', '<end>']

/** Single letters for the problem, and every token that a template can write. */
function tokenizerOf(templates: readonly Template[]): Tokenizer {
  const letters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code))
  const written = templates.flatMap((template) => template.places.flatMap(tokensOf))
  const tokens = [...new Set([asked, end, ...letters, ...written])]
  const ids = new Map(tokens.map((token, id) => [token, id]))
  return {
    sha256: 'e'.repeat(64),
    chatTemplateSha256: null,
    vocabularySize: tokens.length,
    eos: { id: 1, text: end },
    addedBos: null,
    encode: (text) =>
      (text.match(/<asked>|<end>|[^]/gu) ?? []).map((token) => {
        const id = ids.get(token)
        if (id === undefined) throw new Error(`no token for ${token}`)
        return id
      }),
    decode: (given) => given.map((id) => tokens[id]).join(''),
    renderChat: (messages) => messages.map(({ content }) => content).join('') + asked,
  }
}

/** A function gives the same tokens whatever was written, in other shares. */
function tokensOf(place: Template['places'][number]): readonly string[] {
  if (typeof place === 'string') return [place]
  return (typeof place === 'function' ? place('') : place).map(([token]) => token)
}

/** What it may write after these tokens. */
function choicesAfter({ places }: Template, written: readonly string[]): Choices {
  const place = places[written.length]
  if (place === undefined) return [[end, 1]]
  if (typeof place === 'string') return [[place, 1]]
  return typeof place === 'function' ? place(written.join('')) : place
}

/** The policy over several templates, chosen by the problem, behind the Model interface: exact ids, exact log-probabilities, first
 *  tokens that can be forbidden. */
export function templatePolicy(templates: readonly Template[]): Model & { readonly tokenizer: Tokenizer } {
  const tokenizer = tokenizerOf(templates)
  const idOf = new Map(
    Array.from({ length: tokenizer.vocabularySize }, (_, id) => [tokenizer.decode([id]), id]),
  )
  const split = (ids: readonly number[]) => {
    const at = ids.indexOf(idOf.get(asked) ?? -1)
    const problem = tokenizer.decode(ids.slice(0, at))
    const template = templates.find((one) => one.problem === problem)
    if (template === undefined) throw new Error(`no template for ${problem}`)
    return { template, written: ids.slice(at + 1).map((id) => tokenizer.decode([id])) }
  }
  const model = scriptedModel({
    id: 'template',
    tokenizer,
    complete: (prompt, i, { seed, bannedFirst = [] }) => {
      if (prompt.kind !== 'tokens') throw new TypeError('prefixes travel as token ids')
      const { template, written } = split(prompt.ids)
      const random = rngFor(seed, i)
      const banned = bannedFirst.map((id) => tokenizer.decode([id]))
      const drawn = [draw(choicesAfter(template, written), random.next(), banned)]
      while (drawn.at(-1)?.token !== end) {
        const before = [...written, ...drawn.map(({ token }) => token)]
        drawn.push(draw(choicesAfter(template, before), random.next()))
      }
      return {
        text: drawn.slice(0, -1).map(({ token }) => token).join(''),
        tokenIds: drawn.map(({ token }) => idOf.get(token) ?? -1),
        logprobs: drawn.map(({ logprob }) => logprob),
      } // prettier-ignore
    },
    score: (ids, from) =>
      ids.slice(from).map((id, k) => {
        const { template, written } = split(ids.slice(0, from + k))
        const token = tokenizer.decode([id])
        return Math.log(choicesAfter(template, written).find(([other]) => other === token)?.[1] ?? 0)
      }),
  })
  return {
    ...model,
    tokenizer,
    capabilities: { ...model.capabilities, samplerLogprobs: true, bannedFirst: true },
  }
}

function draw(choices: Choices, uniform: number, banned: readonly string[] = []) {
  const open = choices.filter(([token]) => !banned.includes(token))
  const whole = open.reduce((sum, [, probability]) => sum + probability, 0)
  let left = uniform * whole
  const drawn = open.find(([, probability]) => (left -= probability) < 0) ?? open.at(-1)
  if (drawn === undefined) throw new Error(`every token is banned: ${banned.join()}`)
  return { token: drawn[0], logprob: Math.log(drawn[1] / whole) }
}

/** The template filled in: at each place that offers a choice the first token that `picks` names and it offers, else the first. */
export function fill(template: Template, picks: readonly string[]): readonly string[] {
  const written: string[] = []
  while (written.at(-1) !== end) {
    const choices = choicesAfter(template, written)
    written.push((choices.find(([token]) => picks.includes(token)) ?? choices[0])?.[0] as string)
  }
  return written
}

/** True change of the success probability at every token of a trace: all that the policy may write is judged. */
export async function trueChanges(
  template: Template,
  trace: readonly string[],
  verifier: Verifier,
): Promise<readonly number[]> {
  const known = new Map<string, Promise<number>>()
  const valueOf = (written: readonly string[]): Promise<number> => {
    const place = JSON.stringify(written)
    const value = known.get(place) ?? valued(written)
    known.set(place, value)
    return value
  }
  const valued = async (written: readonly string[]): Promise<number> => {
    if (written.at(-1) === end) {
      const { verdict } = await verifier.verify(
        written.slice(0, -1).join(''),
        template.answer,
        template.problem,
      )
      return verdict === 'equal' ? 1 : 0
    }
    let value = 0
    for (const [token, probability] of choicesAfter(template, written))
      value += probability * (await valueOf([...written, token]))
    return value
  }
  const values: number[] = []
  for (let node = 0; node <= trace.length; node++) values.push(await valueOf(trace.slice(0, node)))
  return trace.map((_, at) => (values[at + 1] as number) - (values[at] as number))
}
