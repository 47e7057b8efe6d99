/** Rollouts that all searches together may take. */
export interface Allowance {
  /** A part of it, in the order of the calls: `want`, or what is left once all earlier searches have told what they took. What a
   *  search does not use goes to later ones. Who gets how much follows from the rows alone, never from which ends first. */
  take(want: number): Grant
}

interface Grant {
  readonly rollouts: Promise<number>
  /** What was used of it; the first word counts. */
  readonly settle: (used: number) => void
}

/** Without a cap everyone gets what is wanted. */
export function allowanceOf(cap: number | undefined): Allowance {
  if (cap === undefined)
    return { take: (want) => ({ rollouts: Promise.resolve(want), settle: () => undefined }) }
  const earlier: { readonly granted: Promise<number>; readonly used: Promise<number> }[] = []
  return {
    take: (want) => {
      const granted = grant(cap, want, [...earlier])
      let settle: (used: number) => void = () => undefined
      const used = new Promise<number>((resolve) => (settle = resolve))
      earlier.push({ granted, used })
      return { rollouts: granted, settle }
    },
  }
}

/** What the earlier ones were granted is taken; they give back what they did not use, the first of them first. */
async function grant(
  cap: number,
  want: number,
  earlier: readonly { readonly granted: Promise<number>; readonly used: Promise<number> }[],
): Promise<number> {
  const taken = await Promise.all(earlier.map(({ granted }) => granted))
  let left = taken.reduce((rest, one) => rest - one, cap)
  for (const [i, { used }] of earlier.entries()) {
    if (left >= want) break
    left += (taken[i] as number) - (await used)
  }
  return Math.max(0, Math.min(want, left))
}
