import { FulcrumError } from '../../errors.ts'
import type { Tokenizer } from '../model.ts'
import type { Catalogue } from './catalogue.ts'
import type { Connection } from './connection.ts'
import type { Call, Drawn, TokenDialect } from './dialect.ts'
import { isDeclined, isRefused } from './failure.ts'

/** What was compared with the server: true the same, null the server offers nothing to compare with. */
export interface Fit {
  readonly vocabulary: true | null
  readonly tokens: true | null
  readonly template: true | null
}

const question = 'What is 1 + 1?'

/** The probe's prompt: a chat if there is a template. */
export const probeText = (tokenizer: Tokenizer | null): string =>
  tokenizer === null || tokenizer.chatTemplateSha256 === null
    ? question
    : tokenizer.renderChat([{ role: 'user', content: question }])

/** Compares tokenizer and chat template with the server's own, and refuses another model's: everything made with it would
 *  be wrong, and nothing would say so. */
export async function requireFit(
  connection: Connection,
  tokenizer: Tokenizer,
  dialect: TokenDialect,
  catalogue: Catalogue,
): Promise<Fit> {
  const [vocabulary, tokens, template] = await Promise.all([
    sameVocabulary(connection, tokenizer, dialect, catalogue),
    sameTokens(connection, tokenizer, dialect),
    sameTemplate(connection, tokenizer, dialect),
  ])
  return { vocabulary, tokens, template }
}

/** The server knows the tokenizer's highest id: it says how many it has, or draws behind it. Weights may have more rows
 *  than the tokenizer has ids, never fewer. */
async function sameVocabulary(
  connection: Connection,
  tokenizer: Tokenizer,
  dialect: TokenDialect,
  { vocabulary }: Catalogue,
): Promise<true | null> {
  const { vocabularySize } = tokenizer
  if (vocabulary !== null) {
    if (vocabularySize <= vocabulary) return true
    throw unfit(connection, `it has ${vocabularySize} tokens, the model ${vocabulary}`)
  }
  const part = { n: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 1, seed: 1 }
  const call = dialect.draw([...tokenizer.encode(question), vocabularySize - 1], part, { top: 1, banned: [] })
  try {
    await connection.ask({ ...call, seed: 1, probing: true })
    return true
  } catch (error) {
    if (!isRefused(error)) throw await connection.explain(error)
    const why = error instanceof Error ? error.message : String(error)
    throw unfit(connection, `it has ${vocabularySize} tokens, and the server refuses the last: ${why}`)
  }
}

async function sameTokens(
  connection: Connection,
  tokenizer: Tokenizer,
  dialect: TokenDialect,
): Promise<true | null> {
  if (dialect.tokenize === null) return null
  // Special tokens, spaces, digits, a line's end, letters of several bytes.
  const text = `${probeText(tokenizer)} 12  + 345\n\n\tNaïve – 数 ${tokenizer.eos.text}`
  const theirs = await offered(connection, dialect.tokenize(text))
  const ours = tokenizer.encode(text)
  if (theirs === null || equal(theirs, ours)) return theirs === null ? null : true
  const at = ours.findIndex((id, i) => id !== theirs[i])
  throw unfit(
    connection,
    `${JSON.stringify(text)} is ${ours.length} tokens here and ${theirs.length} there; token ${at} is ${ours[at] ?? 'missing'} here and ${theirs[at] ?? 'missing'} there`,
  )
}

async function sameTemplate(
  connection: Connection,
  tokenizer: Tokenizer,
  dialect: TokenDialect,
): Promise<true | null> {
  if (dialect.renderChat === null || tokenizer.chatTemplateSha256 === null) return null
  const theirs = await offered(connection, dialect.renderChat(question))
  if (theirs === null) return null
  const rendered = typeof theirs === 'string' ? theirs : tokenizer.decode(theirs)
  const ours = probeText(tokenizer)
  // A server whose tokenizer puts the token of the beginning before every text leaves it out of what it renders.
  const bare = (text: string): string =>
    tokenizer.addedBos !== null && text.startsWith(tokenizer.addedBos)
      ? text.slice(tokenizer.addedBos.length)
      : text
  if (bare(rendered) === bare(ours)) return true
  const { model } = connection.options
  throw new FulcrumError(
    'model',
    `The chat template is not the one of ${model}: a question becomes ${JSON.stringify(ours)} here and ${JSON.stringify(rendered)} there`,
    'Give the folder of the very model that is served, or serve it with this template (--chat-template).',
  )
}

/** The answer; null from a server that has no such route, or keeps it to itself. */
async function offered<T>(connection: Connection, call: Call<T>): Promise<T | null> {
  try {
    return await connection.ask({ ...call, seed: 1, probing: true })
  } catch (error) {
    if (isDeclined(error)) return null
    throw await connection.explain(error)
  }
}

/** Whether a completion has ids, and the tokenizer reads them as the server's own text. */
export function givesIds(
  connection: Connection,
  { ids, text, ended, stop }: Drawn,
  tokenizer: Tokenizer,
): boolean {
  if (ids === null) return false
  const atEnd = ended && (ids.at(-1) === tokenizer.eos.id || (stop !== null && ids.at(-1) === stop))
  const open = atEnd ? ids.slice(0, -1) : ids
  // A cut inside a character shows differently here and there; a server may write the end token out.
  const bare = (of: string): string => of.replace(/\ufffd+$/, '').trim()
  const [here, there] = [bare(tokenizer.decode(open)), bare(text)]
  if (here === there || bare(tokenizer.decode(ids)) === there) return true
  throw unfit(
    connection,
    `the server's ids read ${JSON.stringify(here)} here and ${JSON.stringify(there)} there`,
  )
}

const unfit = ({ options: { model } }: Connection, why: string): FulcrumError =>
  new FulcrumError(
    'model',
    `The tokenizer does not fit ${model}: ${why}`,
    'Give the folder of the very model that is served.',
  )

export const equal = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i])
