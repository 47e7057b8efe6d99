import { createHash } from 'node:crypto'
import { z } from 'zod'

/** Most that one batch takes: platform.openai.com/docs/api-reference/batch/create. */
export const mostInBatch = { requests: 50_000, bytes: 200_000_000 }

/** Names a request by what it asks: the same in every attempt at a run. */
export const customIdOf = (path: string, body: object): string =>
  createHash('sha256')
    .update(JSON.stringify([path, body]))
    .digest('base64url')
    .slice(0, 24)

/** A request as a line of the file that is uploaded, its end included. */
export const lineOf = (customId: string, path: string, body: object): Buffer =>
  Buffer.from(`${JSON.stringify({ custom_id: customId, method: 'POST', url: urlOf(path), body })}\n`)

/** Below the base URL as the Batch API names it, whatever that URL is. */
export const urlOf = (path: string): string => `/v1${path}`

/** What became of one request. */
export type Outcome =
  | { readonly kind: 'reply'; readonly reply: unknown }
  /** May be asked again. */
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }

const answerLine = z.object({
  custom_id: z.string(),
  response: z.object({ status_code: z.number(), body: z.unknown() }).nullish(),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
})
const refusal = z.object({
  error: z.object({ message: z.string().nullish(), code: z.string().nullish(), type: z.string().nullish() }),
})

/** A line of an output or error file; null for one that cannot be read, whose request then has no answer. */
export function readAnswer(line: string): { customId: string; outcome: Outcome } | null {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return null
  }
  const { data } = answerLine.safeParse(json)
  if (data === undefined) return null
  return { customId: data.custom_id, outcome: outcomeOf(data) }
}

function outcomeOf({ response, error }: z.infer<typeof answerLine>): Outcome {
  if (!response) return { kind: 'failed', why: error?.message ?? error?.code ?? 'no response' }
  const { status_code: status, body } = response
  if (status >= 200 && status < 300) return { kind: 'reply', reply: body }
  const said = refusal.safeParse(body).data?.error
  const why = `${status}${said?.message ? `: ${said.message}` : ''}`
  const isTemporary = status === 408 || status === 409 || status === 429 || status >= 500
  const isQuota = [said?.code, said?.type].includes('insufficient_quota')
  return { kind: isTemporary && !isQuota ? 'failed' : 'refused', why }
}
