/** Programs a second through their tests, against the bare interpreter: `node --import ./test/bench/strip-types.js
 *  test/bench/sandbox.bench.ts`. Milliseconds by the clock, medians of runs that take turns.
 *  The bare Python also looks through its installed packages, which the sandbox hides. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { codeAnswer } from '../../src/verify/code/code-answer.ts'
import { findPython } from '../../src/verify/code/sandbox/interpreter.ts'
import { type Figure, main } from './figure.ts'

const runs = 31
const programs = {
  python: '```python\ndef f(x):\n    return x * x\n```',
  javascript: '```js\nconst f = (x) => x * x\n```',
}
const calls = { entry_point: 'f', tests: [1, 2, 3].map((x) => ({ args: [x], expected: x * x })) }
const asserts = { entry_point: 'f', tests: [1, 2, 3].map((x) => ({ assert: `assert f(${x}) == ${x * x}` })) }
const javascriptAsserts = {
  entry_point: 'f',
  tests: [1, 2, 3].map((x) => ({ assert: `assert.equal(f(${x}), ${x * x})` })),
}

export async function benchSandbox(): Promise<Figure[]> {
  const verifier = await codeAnswer()
  const { python } = await findPython('python3')
  const judged = (language: 'python' | 'javascript', suite: object) => async () => {
    const { verdict, reason } = await verifier.verify(
      programs[language],
      JSON.stringify({ language, ...suite }),
      '',
    )
    if (verdict !== 'equal') throw new Error(reason ?? verdict)
  }
  const bare =
    (file: string, ...args: string[]) =>
    () =>
      promisify(execFile)(file, args)
  const times = await medians({
    'python -c': bare(python, '-s', '-c', 'print(9)'),
    'node -e': bare(process.execPath, '-e', 'console.log(9)'),
    'Python, calls': judged('python', calls),
    'Python, one input': judged('python', { tests: [{ stdin: '', stdout: '' }] }),
    'Python, assertions in a second sandbox': judged('python', asserts),
    'JavaScript, calls': judged('javascript', calls),
    'JavaScript, assertions in a second realm': judged('javascript', javascriptAsserts),
  })
  await verifier.close?.()
  return Object.entries(times).flatMap(([name, value]) => {
    const baseline = name.startsWith('Python') ? 'python -c' : 'node -e'
    const against = times[baseline] ?? NaN
    if (name === 'python -c' || name === 'node -e') return []
    const unit = 'ms a program'
    return [
      {
        bench: 'sandbox',
        case: name,
        value,
        unit,
        baseline: `${baseline} (${against.toFixed(1)} ms)`,
        ratio: value / against,
      },
    ]
  })
}

/** Of each work, milliseconds; they take turns, so that a busy machine is busy for all. */
async function medians(
  works: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<Record<string, number>> {
  const times = Object.fromEntries(Object.keys(works).map((name) => [name, [] as number[]]))
  for (let run = 0; run <= runs; run++) {
    for (const [name, work] of Object.entries(works)) {
      const start = performance.now()
      await work()
      // The first warms up.
      if (run > 0) times[name]?.push(performance.now() - start)
    }
  }
  const middle = (all: number[]): number => all.sort((a, b) => a - b)[runs >> 1] ?? NaN
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, middle(all)]))
}

await main(import.meta.url, benchSandbox)
