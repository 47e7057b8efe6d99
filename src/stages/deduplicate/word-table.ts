/** Rows of `width` 32-bit words, grown chunk by chunk: growing never copies what is there, so the peak is the content.
 *  A chunk is column after column, as the search goes through one column at a time. */
export class WordTable {
  readonly width: number
  #rows = 0
  readonly #chunks: Uint32Array[] = []

  constructor(width: number) {
    this.width = width
  }

  get rows(): number {
    return this.#rows
  }

  /** Appends a row and gives its number. */
  push(row: ArrayLike<number>): number {
    const at = this.#rows & rowMask
    if (at === 0) this.#chunks.push(new Uint32Array(chunkRows * this.width))
    const chunk = this.#chunks[this.#chunks.length - 1] as Uint32Array
    for (let column = 0; column < this.width; column++)
      chunk[(column << chunkBits) | at] = row[column] as number
    return this.#rows++
  }

  get(row: number, column: number): number {
    return (this.#chunks[row >>> chunkBits] as Uint32Array)[(column << chunkBits) | (row & rowMask)] as number
  }

  /** Whether two rows have the same words in columns from <= column < to. */
  same(a: number, b: number, from: number, to: number): boolean {
    for (let column = from; column < to; column++)
      if (this.get(a, column) !== this.get(b, column)) return false
    return true
  }

  count(holds: (row: number) => boolean): number {
    let count = 0
    for (let row = 0; row < this.#rows; row++) if (holds(row)) count++
    return count
  }

  /** The first row of each row's kind: rows are of one kind when the columns from..to are equal. The first of these
   *  columns is taken as a hash. */
  firstOfKind(from: number, to: number): Int32Array {
    const firsts = new Int32Array(this.#rows)
    const slots = newSlots(this.#rows)
    for (let row = 0; row < this.#rows; row++) firsts[row] = this.#findOrAdd(slots, row, from, to)
    return firsts
  }

  /** Calls `pair(first, row)` for each of the rows whose columns from..to equal those of an earlier one of them. */
  linkEqual(rows: Int32Array, from: number, to: number, slots: Int32Array, pair: Pair): void {
    slots.fill(-1)
    for (const row of rows) {
      const first = this.#findOrAdd(slots, row, from, to)
      if (first !== row) pair(first, row)
    }
  }

  /** The row that is there already, else the row itself: open addressing, linear probing. */
  #findOrAdd(slots: Int32Array, row: number, from: number, to: number): number {
    const mask = slots.length - 1
    for (let slot = scatter(this.get(row, from), mask); ; slot = (slot + 1) & mask) {
      const there = slots[slot] as number
      if (there < 0) {
        slots[slot] = row
        return row
      }
      if (this.same(there, row, from, to)) return there
    }
  }
}

type Pair = (first: number, row: number) => void

const chunkBits = 14
const chunkRows = 2 ** chunkBits
const rowMask = chunkRows - 1

/** Empty slots for a hash table of that many rows, at most half of them ever full. */
export const newSlots = (rows: number): Int32Array =>
  new Int32Array(2 ** Math.ceil(Math.log2(Math.max(1, rows) * 2))).fill(-1)

/** Fibonacci hashing (Knuth, TAOCP 3, 6.4), so that no pattern in a key becomes a run of full slots. */
const scatter = (word: number, mask: number): number => Math.imul(word, 0x9e3779b1) >>> Math.clz32(mask)
