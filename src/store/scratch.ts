import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeFailure } from './files.ts'

/** Numbers kept on disk while a command runs, for what must not fill the memory. */
export interface ScratchFile {
  /** Appends and gives the place, in numbers from the start. */
  append(numbers: Uint32Array): number
  read(place: number, count: number): Uint32Array
  close(): void
}

/** A file in the system's folder for temporary files (TMPDIR). Its name is gone as soon as it is open: a process that
 *  is killed leaves nothing. */
export function openScratch(): ScratchFile {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-'))
  const file = openSync(join(folder, 'scratch'), 'w+')
  rmSync(folder, { recursive: true, force: true })
  const buffer = new Uint32Array(2 ** 16)
  let [written, buffered] = [0, 0]

  const write = (numbers: Uint32Array): void => {
    const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(file, bytes, done, bytes.length - done, 4 * written + done)
    } catch (error) {
      throw writeFailure(`a temporary file in ${tmpdir()}`, error)
    }
    written += numbers.length
  }
  const flush = (): void => {
    if (buffered > 0) write(buffer.subarray(0, buffered))
    buffered = 0
  }
  return {
    append: (numbers) => {
      if (buffered + numbers.length > buffer.length) flush()
      const place = written + buffered
      if (numbers.length > buffer.length) write(numbers)
      else {
        buffer.set(numbers, buffered)
        buffered += numbers.length
      }
      return place
    },
    read: (place, count) => {
      flush()
      const numbers = new Uint32Array(count)
      const bytes = new Uint8Array(numbers.buffer)
      for (let done = 0; done < bytes.length;)
        done += readSync(file, bytes, done, bytes.length - done, 4 * place + done)
      return numbers
    },
    close: () => closeSync(file),
  }
}
