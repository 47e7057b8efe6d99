import { z } from 'zod'
import { faultOf } from './wire.ts'

const value = z.json().superRefine((json, context) => {
  const fault = faultOf(json)
  if (fault !== null) context.addIssue({ code: 'custom', message: fault })
})
const name = z.string().regex(/^[\p{L}_$][\p{L}\p{N}_$]{0,99}$/u)
const source = z.string().max(200_000)

const outcome = { expected: value.optional(), raises: z.string().max(100).optional() }
const oneOutcome = (test: { expected?: unknown; raises?: unknown }): boolean =>
  (test.expected === undefined) !== (test.raises === undefined)
const callTest = z
  .strictObject({ args: z.array(value), keywords: z.record(name, value).optional(), ...outcome })
  .refine(oneOutcome, 'a test wants either expected or raises')
const expressionTest = z
  .strictObject({ call: source, ...outcome })
  .refine(oneOutcome, 'a test wants either expected or raises')
const stdinTest = z.strictObject({ stdin: source, stdout: source })
const assertTest = z.strictObject({ assert: source })

/** The tests of a programming problem: what its `answer` column holds as JSON. README.md shows it with examples. */
const suiteSchema = z
  .strictObject({
    language: z.enum(['python', 'javascript']),
    entry_point: name.optional().describe('the function or class that tests with args call'),
    names: z.array(name).max(50).optional().describe('other names of the program that asserts may use'),
    setup: source.optional().describe('source of the tests themselves, run before asserts'),
    tolerance: z.number().min(0).max(1).default(0).describe('how far a number may be off, relative above 1'),
    tests: z
      .array(z.union([callTest, expressionTest, stdinTest, assertTest]))
      .min(1)
      .max(1000),
  })
  .refine(
    ({ entry_point, tests }) => entry_point !== undefined || !tests.some((test) => 'args' in test),
    'tests with args want an entry_point',
  )

export type Suite = z.output<typeof suiteSchema>
type Test = Suite['tests'][number]
export type CallTest = Extract<Test, { args: unknown } | { call: unknown }>
export type StdinTest = Extract<Test, { stdin: unknown }>

/** What a run of the tests says: equal if all pass, different if one fails, unparsed if that cannot be known. */
export interface Outcome {
  readonly verdict: 'equal' | 'different' | 'unparsed'
  readonly reason: string | null
}

export const passed: Outcome = { verdict: 'equal', reason: null }
export const failed = (reason: string): Outcome => ({ verdict: 'different', reason })
export const unknown = (reason: string): Outcome => ({ verdict: 'unparsed', reason })

/** Longest text of tests read, characters. */
const longest = 5_000_000

/** The suite that an answer holds, or what is wrong with it. */
export function readSuite(answer: string): Suite | string {
  if (answer.length > longest) return 'the tests are too long'
  let json: unknown
  try {
    json = JSON.parse(answer)
  } catch {
    return 'the answer is not JSON of tests'
  }
  const parsed = suiteSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  return `the tests cannot be read: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.replace('  ', ' ')
}
