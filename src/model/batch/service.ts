import { toStreamingFile } from 'openai'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import type { Connection } from '../http/connection.ts'
import { isAbsent } from '../http/failure.ts'
import { readAs } from '../http/reply.ts'
import { type Outcome, readAnswer, urlOf } from './line.ts'
import type { Note } from './notes.ts'

/** A batch as its server has it, as far as somebody relies on it here. */
const batchOnServer = z.object({
  id: z.string(),
  status: z.string(),
  created_at: z.number(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  output_file_id: z.string().nullish(),
  error_file_id: z.string().nullish(),
  errors: z
    .object({
      data: z.array(z.object({ code: z.string().nullish(), message: z.string().nullish() })).nullish(),
    })
    .nullish(),
  request_counts: z.object({ total: z.number(), completed: z.number(), failed: z.number() }).nullish(),
})
export type BatchOnServer = z.infer<typeof batchOnServer>

/** The Batch API of one endpoint. */
export interface Service {
  /** Batches that went out with one of these notes, by the note's key; looks no further back than the oldest. */
  find(notes: readonly Note[]): Promise<Map<string, BatchOnServer>>
  /** Uploads the lines and lets the batch begin. One whose beginning was not heard of is looked for before it is begun again. */
  submit(
    note: Note,
    path: string,
    lines: readonly Buffer[],
    metadata: Record<string, string>,
  ): Promise<BatchOnServer>
  look(id: string): Promise<BatchOnServer>
  /** Each answer of an output or error file. A download that breaks off begins again. */
  read(file: string, each: (customId: string, outcome: Outcome) => void): Promise<void>
}

/** Name of the note's key in the metadata of a batch. */
const keyName = 'fulcrum'

/** Clocks of the two machines are this far apart at most. */
const clocksApartMs = 24 * 3_600_000

export function serviceAt(connection: Connection): Service {
  const { baseUrl } = connection.options
  /** Errors as a user reads them; `absent` where the server has no such thing. */
  const told = async <T>(
    exchange: Promise<T>,
    absent?: readonly [fact: string, next: string],
  ): Promise<T> => {
    try {
      return await exchange
    } catch (error) {
      if (absent !== undefined && isAbsent(error)) throw new FulcrumError('model', ...absent, error)
      throw await connection.explain(error)
    }
  }
  const noApi = [
    `${baseUrl} has no Batch API`,
    'Run without --batch: then it is asked request by request.',
  ] as const
  return {
    find: (notes) => told(find(connection, notes), noApi),
    submit: async (note, path, lines, metadata) => {
      const name = `fulcrum-${note.key}.jsonl`
      const upload = connection.exchange(`upload ${note.key}`, (client, signal) => {
        const file = toStreamingFile(streamed(lines), name, { type: 'application/jsonl' })
        return client.files.create({ file, purpose: 'batch' }, { signal })
      })
      const { id } = await told(upload, noApi)
      return told(begin(connection, note, { path, file: id, metadata }))
    },
    look: (id) => {
      const look = connection.exchange(`look at ${id}`, async (client, signal) =>
        readAs(batchOnServer, await client.batches.retrieve(id, { signal })),
      )
      return told(look, [
        `${baseUrl} does not know batch ${id}`,
        'Use the key of the account that it was made with; or delete its note, ledger/*.batch.json, and pay for it again.',
      ])
    },
    read: (file, each) => {
      const read = connection.exchange(`read ${file}`, async (client, signal) => {
        const { body } = await client.files.content(file, { signal })
        for await (const line of linesOf((body ?? []) as AsyncIterable<Uint8Array>)) {
          const answer = readAnswer(line)
          if (answer !== null) each(answer.customId, answer.outcome)
        }
      })
      return told(read)
    },
  }
}

/** The list has the newest first. Without notes it is only tried whether there is such a list. */
const find = (connection: Connection, notes: readonly Note[]): Promise<Map<string, BatchOnServer>> =>
  connection.exchange('find batches', async (client, signal) => {
    const wanted = new Set(notes.map(({ key }) => key))
    const since = Math.min(...notes.map(({ at }) => at)) - clocksApartMs
    const found = new Map<string, BatchOnServer>()
    for await (const one of client.batches.list({ limit: notes.length === 0 ? 1 : 100 }, { signal })) {
      const batch = readAs(batchOnServer, one)
      const key = batch.metadata?.[keyName]
      if (typeof key === 'string' && wanted.has(key)) found.set(key, batch)
      if (found.size === wanted.size || batch.created_at * 1000 < since) break
    }
    return found
  })

/** An answer that got lost does not tell whether the batch began: it is looked for before it is begun again. */
function begin(
  connection: Connection,
  note: Note,
  of: { readonly path: string; readonly file: string; readonly metadata: Record<string, string> },
): Promise<BatchOnServer> {
  let tried = false
  return connection.exchange(`begin ${note.key}`, async (client, signal) => {
    const there = tried ? (await find(connection, [note])).get(note.key) : undefined
    if (there !== undefined) return there
    tried = true
    const batch = await client.batches.create(
      {
        input_file_id: of.file,
        endpoint: urlOf(of.path) as '/v1/chat/completions',
        completion_window: '24h',
        metadata: { [keyName]: note.key, ...of.metadata },
      },
      { signal },
    )
    return readAs(batchOnServer, batch)
  })
}

async function* streamed(lines: readonly Buffer[]): AsyncGenerator<Buffer> {
  await Promise.resolve()
  yield* lines
}

/** Lines as they come: an output file can be longer than a string. readline would wait forever for one that breaks off. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest
}
