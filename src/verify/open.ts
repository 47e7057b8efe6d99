import { FulcrumError } from '../errors.ts'
import { textVerifiers } from './text-verifiers.ts'
import type { Verifier } from './verifier.ts'
import { inWorkers, type WorkerOptions } from './workers.ts'

/** What verifiers need besides their name; each takes its own. */
export interface VerifierOptions {
  /** Compares texts in threads that are ended when they take too long; without it, in this one. */
  readonly workers?: WorkerOptions
}

type Opens = (options: VerifierOptions) => Verifier | Promise<Verifier>

const text =
  (name: keyof typeof textVerifiers): Opens =>
  ({ workers }) =>
    workers === undefined ? textVerifiers[name] : inWorkers(name, workers)

/** One line a verifier. */
const table = {
  numeric: text('numeric'),
  exact: text('exact'),
  math: text('math'),
  choice: text('choice'),
} as const satisfies Readonly<Record<string, Opens>>

type VerifierName = keyof typeof table

/** Names that options may give, in the order of a help text. */
export const verifierNames = Object.keys(table) as [VerifierName, ...VerifierName[]]

/** A verifier by its name. Whoever opens it closes it. */
export async function openVerifier(name: string, options: VerifierOptions = {}): Promise<Verifier> {
  const open = Object.entries(table).find(([known]) => known === name)?.[1]
  if (open === undefined)
    throw new FulcrumError(
      'config',
      `There is no verifier ${name}`,
      `Take one of ${verifierNames.join(', ')}.`,
    )
  return open(options)
}
