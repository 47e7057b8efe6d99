import { randomUUID } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeWhole } from '../../store/files.ts'

const note = z.object({
  format: z.literal('fulcrum-batch/1'),
  /** In the batch's metadata too: by this it is found again. */
  key: z.string(),
  who: z.string(),
  /** Milliseconds since 1970 at which it was written, before anything was sent. */
  at: z.number(),
  /** At the server; null until it is known. */
  batch: z.string().nullable(),
  customIds: z.array(z.string()),
})

/** That a batch goes out, on disk before it does: the intent of each of its requests. */
export type Note = z.infer<typeof note> & { readonly file: string; readonly isOwn: boolean }

/** Notes of the batches of a run, in a folder that its processes share. `tag` names this one's share. */
export interface Notes {
  /** Of one endpoint and model, oldest first. */
  read(who: string): Promise<Note[]>
  write(who: string, at: number, customIds: readonly string[]): Promise<Note>
  /** The batch has a name now. */
  name(note: Note, batch: string): Promise<Note>
  remove(note: Note): Promise<void>
}

export function openNotes(folder: string, tag: string): Notes {
  const write = async ({ file, isOwn, ...of }: Note): Promise<Note> => {
    await writeWhole(file, `${JSON.stringify(of)}\n`)
    return { file, isOwn, ...of }
  }
  return {
    read: async (who) => {
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.batch.json'))
      const found = await Promise.all(names.map((name) => readNote(folder, name, tag)))
      return found.flatMap((one) => (one?.who === who ? [one] : [])).sort((a, b) => a.at - b.at)
    },
    write: (who, at, customIds) => {
      const key = randomUUID()
      const file = join(folder, `${tag}-${key}.batch.json`)
      const ids = [...customIds]
      return write({
        format: 'fulcrum-batch/1',
        key,
        who,
        at,
        batch: null,
        customIds: ids,
        file,
        isOwn: true,
      })
    },
    name: (of, batch) => write({ ...of, batch }),
    remove: ({ file }) => rm(file, { force: true }),
  }
}

/** Null for a file that another version wrote, or that went while it was read. */
async function readNote(folder: string, name: string, tag: string): Promise<Note | null> {
  const file = join(folder, name)
  const text = await readFile(file, 'utf8').catch(() => '')
  try {
    return { ...note.parse(JSON.parse(text)), file, isOwn: name.startsWith(`${tag}-`) }
  } catch {
    return null
  }
}
