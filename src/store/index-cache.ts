import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { buildTextIndex, openTextIndex, type TextIndex } from '../text/scan.ts'
import { writeWhole } from './files.ts'

/** Changes with the layout or the reading of words, so that an old file is never taken for a new index. */
const generation = 1

/** Under it an index is built sooner than a file is read and checked; characters of all texts. */
const worthKeeping = 2 ** 22

/** Where indexes lie unless another folder is named. */
const defaultIndexCache = (): string => join(homedir(), '.cache/fulcrum/indexes')

/** The index of some texts, from the cache if it is there and whole; named by the texts' content, so that it is never
 *  out of date. A cache that cannot be written costs only time. */
export async function cachedTextIndex(
  texts: readonly string[],
  { folder = defaultIndexCache(), leastCharacters = worthKeeping } = {},
): Promise<{ readonly index: TextIndex; readonly fromCache: boolean }> {
  const characters = texts.reduce((sum, { length }) => sum + length, 0)
  if (characters < leastCharacters) return { index: buildTextIndex(texts), fromCache: false }
  const path = join(folder, `${contentHash(texts)}.index`)
  const kept = await readKept(path)
  if (kept !== null) return { index: openTextIndex(kept), fromCache: true }
  const index = buildTextIndex(texts)
  await writeWhole(path, Buffer.concat([digest(index.bytes), index.bytes])).catch(() => undefined)
  return { index, fromCache: false }
}

const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

function contentHash(texts: readonly string[]): string {
  const hash = createHash('sha256').update(`fulcrum-text-index/${generation}\n`)
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:`).update(text)
  return hash.digest('hex')
}

/** The bytes behind their own sha256; null where they are missing or damaged. */
async function readKept(path: string): Promise<Uint8Array | null> {
  const file = await readFile(path).catch(() => null)
  if (file === null || file.length < 32) return null
  const bytes = file.subarray(32)
  return digest(bytes).equals(file.subarray(0, 32)) ? bytes : null
}
