/** Why a text cannot be read as an answer, or two answers cannot be told apart. Caught by the verifier, which reports the
 *  message as the reason of `unparsed`. */
export class NotJudged extends Error {
  override readonly name = 'NotJudged'
}

/** Work allowed for one pair, in multiplications of 64-bit words, so that a verdict never depends on the machine.
 *  4 million take about 20 ms (test/bench/verify.bench.ts). */
const mostWork = 4_000_000

/** Counts work; throws when a pair has had its share. */
export class Budget {
  #left = mostWork

  /** One operation on numbers of so many bits. */
  spend(bits: number): void {
    const words = 1 + bits / 64
    this.#left -= words * words
    if (this.#left < 0) throw new NotJudged('comparing them takes too many steps')
  }
}
