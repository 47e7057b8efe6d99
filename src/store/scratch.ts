import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFailure } from './files.ts'

/** Lists of numbers kept on disk while a command runs, for what must not fill the memory; 32 MiB of them stay there. */
export interface ScratchFile {
  /** Keeps a list and gives its place. */
  append(numbers: Uint32Array): number
  /** The list of `count` numbers at a place: a view, not to be written to. */
  read(place: number, count: number): Uint32Array
  close(): void
}

/** A file in the system's folder for temporary files (TMPDIR). Its name is gone as soon as it is open: a process that
 *  is killed leaves nothing. A list lies within one page unless it is larger than that, so that reading it makes no
 *  array of its own. */
export function openScratch(): ScratchFile {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-'))
  const file = openSync(join(folder, 'scratch'), 'w+')
  rmSync(folder, { recursive: true, force: true })
  const pages = new Map<number, Uint32Array>()
  let open = new Uint32Array(pageNumbers)
  let [openPage, filled] = [0, 0]

  const closePage = (): void => {
    transfer(file, open, openPage * pageNumbers, writeAt)
    remember(openPage, open)
    open = new Uint32Array(pageNumbers)
    openPage++
    filled = 0
  }
  const remember = (page: number, numbers: Uint32Array): void => {
    pages.set(page, numbers)
    const [oldest] = pages.keys()
    if (pages.size > mostPages && oldest !== undefined) pages.delete(oldest)
  }
  const pageAt = (page: number): Uint32Array => {
    if (page === openPage) return open
    const kept = pages.get(page)
    if (kept !== undefined) {
      // Last in the map's order: used last.
      pages.delete(page)
      pages.set(page, kept)
      return kept
    }
    const read = new Uint32Array(pageNumbers)
    transfer(file, read, page * pageNumbers, readSync)
    remember(page, read)
    return read
  }
  return {
    append: (numbers) => {
      if (filled + numbers.length > pageNumbers && filled > 0) closePage()
      const place = openPage * pageNumbers + filled
      if (numbers.length > pageNumbers) {
        transfer(file, numbers, place, writeAt)
        openPage += Math.ceil(numbers.length / pageNumbers)
      } else {
        open.set(numbers, filled)
        filled += numbers.length
      }
      return place
    },
    read: (place, count) => {
      // An empty list kept after a full page has its place on a page that may never come to be.
      if (count === 0) return new Uint32Array()
      if (count > pageNumbers) {
        const numbers = new Uint32Array(count)
        transfer(file, numbers, place, readSync)
        return numbers
      }
      const from = place % pageNumbers
      return pageAt((place - from) / pageNumbers).subarray(from, from + count)
    },
    close: () => closeSync(file),
  }
}

const pageNumbers = 2 ** 16
const mostPages = 128

type Transfer = (file: number, bytes: Uint8Array, from: number, length: number, at: number) => number

/** Moves all of the numbers, however many calls it takes; `place` in numbers. */
function transfer(file: number, numbers: Uint32Array, place: number, move: Transfer): void {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  for (let done = 0; done < bytes.length;) {
    const moved = move(file, bytes, done, bytes.length - done, 4 * place + done)
    if (moved === 0) throw new Error('a temporary file is shorter than what was written to it')
    done += moved
  }
}

const writeAt: Transfer = (file, bytes, from, length, at) => {
  try {
    return writeSync(file, bytes, from, length, at)
  } catch (error) {
    throw writeFailure(`a temporary file in ${tmpdir()}`, error)
  }
}
