/** The part of the npm package `minhash` 0.0.9 that the benches use; it has no types of its own. */
declare module 'minhash' {
  interface Signature {
    update(shingle: string): void
    readonly hashvalues: readonly number[]
  }
  const minhash: {
    readonly Minhash: new (options: { numPerm: number }) => Signature
    readonly LshIndex: new (options: { bandSize: number }) => {
      insert(key: string, of: Signature): void
      query(of: Signature): readonly string[]
    }
  }
  export default minhash
}
