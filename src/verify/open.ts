import { FulcrumError } from '../errors.ts'
import type { Model } from '../model/model.ts'
import { codeAnswer } from './code/code-answer.ts'
import { canaryText, openJudge } from './judge/canaries.ts'
import { textVerifiers } from './text-verifiers.ts'
import type { Verifier } from './verifier.ts'
import { inWorkers, type WorkerOptions } from './workers.ts'

/** What verifiers need besides their name; each takes its own. */
export interface VerifierOptions {
  /** Compares texts in threads that are ended when they take too long; null: in this one. Left out, only `math` has threads:
   *  the others read a text once. */
  readonly workers?: WorkerOptions | null
  /** The model that compares, for `judge`. */
  readonly judge?: Model
  /** Runs programs without a sandbox, for `code`. */
  readonly unsafeExec?: boolean
  /** Told once what the user should know: how the judge does on its canaries, that there is no sandbox. */
  readonly onNote?: (text: string) => void
}

type Opens = (options: VerifierOptions) => Verifier | Promise<Verifier>

const text =
  (name: keyof typeof textVerifiers, threads: WorkerOptions | null = null): Opens =>
  ({ workers = threads }) =>
    workers === null ? textVerifiers[name] : inWorkers(name, workers)

/** A comparison takes a millisecond, and its work is bounded: only what is broken takes this long on the busiest machine. */
const patient: WorkerOptions = { timeoutMs: 30_000 }

const code =
  (languages: ('python' | 'javascript')[]): Opens =>
  ({ unsafeExec = false, onNote }) =>
    codeAnswer({ languages, unsafeExec, ...(onNote !== undefined && { onWarning: onNote }) })

const judge: Opens = async ({ judge: model, onNote }) => {
  if (model === undefined)
    throw new FulcrumError(
      'config',
      'The verifier judge has no model',
      'Name one: --judge http://host:port/v1#name.',
    )
  const { verifier, canaries } = await openJudge({ model })
  onNote?.(canaryText(canaries))
  return verifier
}

/** One line a verifier. */
const table = {
  numeric: text('numeric'),
  exact: text('exact'),
  math: text('math', patient),
  choice: text('choice'),
  code: code(['python', 'javascript']),
  'code-javascript': code(['javascript']),
  judge,
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
