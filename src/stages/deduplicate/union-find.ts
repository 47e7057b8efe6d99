/** Disjoint sets of the numbers 0..size-1, 4 bytes each. The root of a set is its smallest member, so that the sets'
 *  names do not depend on the order of the unions. Path halving (Tarjan and van Leeuwen 1984). */
export class UnionFind {
  readonly #parent: Int32Array

  constructor(size: number) {
    this.#parent = Int32Array.from({ length: size }, (_, i) => i)
  }

  /** The smallest member of x's set. */
  find(x: number): number {
    const parent = this.#parent
    let at = x
    for (;;) {
      const up = parent[at] as number
      if (up === at) return at
      const over = parent[up] as number
      parent[at] = over
      at = over
    }
  }

  /** Makes the two sets one; false if they are one already. */
  union(a: number, b: number): boolean {
    const [x, y] = [this.find(a), this.find(b)]
    if (x === y) return false
    if (x < y) this.#parent[y] = x
    else this.#parent[x] = y
    return true
  }
}
