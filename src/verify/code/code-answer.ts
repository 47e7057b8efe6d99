import { availableParallelism } from 'node:os'
import pLimit from 'p-limit'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import type { Verification, Verifier } from '../verifier.ts'
import { javaScriptThreads, type JavaScriptThreads } from './javascript/run.ts'
import { programOf } from './program.ts'
import { runPython } from './python/run.ts'
import { type Limits, limitsSchema } from './sandbox/limits.ts'
import { openSandbox, type Sandbox } from './sandbox/sandbox.ts'
import { type Outcome, readSuite, type Suite, unknown } from './suite.ts'

const optionsSchema = z.strictObject({
  languages: z
    .array(z.enum(['python', 'javascript']))
    .min(1)
    .default(['python', 'javascript'])
    .describe('languages to be ready for: Python wants bubblewrap'),
  python: z.string().min(1).default('python3').describe('name or path of the Python that runs programs'),
  limits: limitsSchema.prefault({}).describe('what one run of a program may take'),
  concurrency: z.int().min(1).max(1000).optional().describe('programs run at once; processors if left out'),
  unsafeExec: z
    .boolean()
    .default(false)
    .describe('run Python programs without a sandbox, as the user that you are'),
})

export type CodeAnswerOptions = z.input<typeof optionsSchema> & {
  /** Told once what the user should know; without a sandbox, that. */
  readonly onWarning?: (text: string) => void
}

/** The version of quickjs-emscripten that package.json pins: programs may behave otherwise in another. */
const quickjsVersion = '0.32.0'

/** Judges a program by the tests that the `answer` column holds as JSON (README.md): equal if all pass, different if one
 *  fails, does not end or the program does not run; unparsed if there is no program, no tests, or the sandbox fails. Refuses to
 *  start where Python programs cannot be held. */
export async function codeAnswer(options: CodeAnswerOptions = {}): Promise<Verifier> {
  const { onWarning, ...plain } = options
  const parsed = optionsSchema.safeParse(plain)
  if (!parsed.success)
    throw new FulcrumError(
      'config',
      `Options of codeAnswer: ${z.prettifyError(parsed.error)}`,
      'See CodeAnswerOptions for what there is.',
    )
  const { languages, python, limits, concurrency, unsafeExec } = parsed.data
  const sandbox = languages.includes('python') ? await openSandbox({ python, unsafeExec }) : null
  if (sandbox?.walls === 'none') onWarning?.(warning)
  const threads = languages.includes('javascript') ? javaScriptThreads() : null
  const runs = pLimit(concurrency ?? availableParallelism())

  return {
    id: idOf(sandbox, threads),
    verify: async (completion, answer) => {
      const suite = readSuite(answer)
      if (typeof suite === 'string') return { verdict: 'unparsed', extracted: null, reason: suite }
      const { program, reason } = programOf(completion, suite)
      if (program === null) return { verdict: 'unparsed', extracted: null, reason }
      const outcome = await runs(() => run(program, suite, sandbox, threads, limits))
      return { ...outcome, extracted: program } satisfies Verification
    },
    close: async () => threads?.close(),
  }
}

const warning =
  'Programs written by a model run as you, with your files and your network: --unsafe-exec. Use a machine that holds nothing.'

async function run(
  program: string,
  suite: Suite,
  sandbox: Sandbox | null,
  threads: JavaScriptThreads | null,
  limits: Limits,
): Promise<Outcome> {
  try {
    if (suite.language === 'python' && sandbox !== null)
      return await runPython(program, suite, sandbox, limits)
    if (suite.language === 'javascript' && threads !== null) return await threads.run(program, suite, limits)
    return unknown(`programs in ${suite.language} are not run here`)
  } catch (error) {
    return unknown(
      `the harness fails: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`,
    )
  }
}

function idOf(sandbox: Sandbox | null, threads: JavaScriptThreads | null): string {
  const python =
    sandbox === null ? [] : [`python-${sandbox.version}${sandbox.walls === 'none' ? '-unsafe' : ''}`]
  return ['code/1', ...python, ...(threads === null ? [] : [`quickjs-${quickjsVersion}`])].join('+')
}
