/** One test as open-r1's code reward takes it. */
export interface TestCase {
  readonly fn_name: string | null
  readonly input: string
  readonly output: string
  readonly type: string
}

/** Tests of a programming problem's `answer` in the form of open-r1; null where they are none, or are such as it cannot
 *  hold: asserts, expected exceptions, keyword arguments. */
export function openTests(answer: string): { language: string; test_cases: readonly TestCase[] } | null {
  const suite = parsed(answer)
  const { language, tests, entry_point: entry } = suite ?? {}
  if (typeof language !== 'string' || !Array.isArray(tests) || tests.length === 0) return null
  const cases = (tests as unknown[]).map((test) => caseOf(test as Record<string, unknown>, entry))
  return cases.includes(null) ? null : { language, test_cases: cases as TestCase[] }
}

function caseOf(
  { stdin, stdout, args, expected, keywords }: Record<string, unknown>,
  entry: unknown,
): TestCase | null {
  if (typeof stdin === 'string' && typeof stdout === 'string') {
    return { fn_name: null, input: stdin, output: stdout, type: 'stdin_stdout' }
  }
  if (typeof entry !== 'string' || args === undefined || expected === undefined || keywords !== undefined)
    return null
  return {
    fn_name: entry,
    input: JSON.stringify(args),
    output: JSON.stringify(expected),
    type: 'function_call',
  }
}

function parsed(answer: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(answer)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
