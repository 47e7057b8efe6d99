import { z } from 'zod'
import { share, wilson } from '../statistics/estimate.ts'
import { writeWhole } from '../store/files.ts'
import { type CheckedPair, checkPairs, type Confusion, confusionOf, readPairs } from '../verify/check.ts'
import type { Verdict } from '../verify/verifier.ts'
import { command } from './command.ts'
import { brief, formatCount, table } from './table.ts'
import { openVerifierOf, verifyingOptions } from './verifying.ts'

/** Measures a verifier on pairs that somebody has labelled. */
export default command({
  name: 'check-verifier',
  summary: 'Measure what a verifier says of answers that you have labelled equal or different',
  positionals: [],
  options: z.object({
    ...verifyingOptions,
    verifier: verifyingOptions.verifier.default('math').describe('the verifier to measure'),
    pairs: z
      .string()
      .describe('JSONL or Parquet: completion or answer, reference, label equal or different, maybe problem'),
    failOn: z
      .enum(['nothing', 'wrong-accept', 'wrong-reject'])
      .default('nothing')
      .describe('end with exit code 1 if there is one'),
    examples: z.int().min(0).default(5).describe('pairs shown of each kind of mistake'),
    workers: z
      .int()
      .min(0)
      .max(256)
      .default(0)
      .describe('threads; 0 compares in this one, without a time limit'),
    timeoutMs: z.int().min(1).default(5000).describe('longest a comparison in a thread may take'),
    out: z.string().optional().describe('JSONL file for every pair with its verdict'),
    json: z.boolean().default(false).describe('print JSON'),
  }),
  example: 'fulcrum check-verifier --verifier math --pairs pairs.jsonl --fail-on wrong-accept',
  run: async ({ options }, terminal) => {
    const { print } = terminal
    const { workers, timeoutMs, out, failOn } = options
    const pairs = await readPairs(options.pairs)
    const threads = workers === 0 ? { workers: null } : { workers: { size: workers, timeoutMs } }
    const verifier = await openVerifierOf(options, terminal, threads)
    const checked = await checkPairs(verifier, pairs, Math.max(16, 4 * workers)).finally(() =>
      verifier.close?.(),
    )
    if (out !== undefined)
      await writeWhole(out, `${checked.map((pair) => JSON.stringify(pair)).join('\n')}\n`)
    const confusion = confusionOf(checked)
    if (options.json)
      print(JSON.stringify({ verifier: verifier.id, confusion: confusion.map(numbersOf) }, null, 2))
    else print(shown(verifier.id, confusion, checked, options.examples))
    return checked.some((pair) => mistakes[failOn](pair)) ? 1 : 0
  },
})

/** Kinds of pairs that a verifier should not have. */
const mistakes = {
  nothing: () => false,
  'wrong-accept': ({ label, verdict }: CheckedPair) => label === 'different' && verdict === 'equal',
  'wrong-reject': ({ label, verdict }: CheckedPair) => label === 'equal' && verdict === 'different',
} as const satisfies Readonly<Record<string, (pair: CheckedPair) => boolean>>

const verdicts: readonly Verdict[] = ['equal', 'different', 'unparsed']

function numbersOf({ label, pairs, verdicts: found }: Confusion): object {
  const numbers = verdicts.map((verdict) => {
    const interval = wilson(found[verdict])
    return [verdict, { ...found[verdict], share: pairs === 0 ? null : share(found[verdict]), interval }]
  })
  return { label, pairs, verdicts: Object.fromEntries(numbers) as object }
}

function shown(
  id: string,
  confusion: readonly Confusion[],
  checked: readonly CheckedPair[],
  most: number,
): string {
  const head = ['labelled', 'pairs', 'verdict', 'pairs', 'share', '95 % interval']
  const rows = confusion.flatMap(({ label, pairs, verdicts: found }) =>
    verdicts.map((verdict, i) => {
      const { low, high } = wilson(found[verdict])
      const range = `${percent(low)} to ${percent(high)}`
      const front = i === 0 ? [label, formatCount(pairs)] : ['', '']
      return [
        ...front,
        verdict,
        found[verdict].successes,
        pairs === 0 ? '-' : percent(share(found[verdict])),
        range,
      ]
    }),
  )
  const parts = [`${id} on ${formatCount(checked.length)} pairs`, table([head, ...rows])]
  const examples = (title: string, pairs: readonly CheckedPair[]): void => {
    if (pairs.length === 0) return
    const lines = pairs.slice(0, most).map(({ line, extracted, completion, reference }) => {
      return `  line ${line}: ${brief(extracted ?? completion, 60)} | ${brief(reference, 60)}`
    })
    parts.push([`${title} (${formatCount(pairs.length)})`, ...lines].join('\n'))
  }
  examples('wrong accepts', checked.filter(mistakes['wrong-accept']))
  examples('wrong rejects', checked.filter(mistakes['wrong-reject']))
  const reasons = new Map<string, CheckedPair[]>()
  for (const pair of checked.filter(({ verdict }) => verdict === 'unparsed')) {
    const reason = pair.reason ?? ''
    const others = reasons.get(reason)
    if (others === undefined) reasons.set(reason, [pair])
    else others.push(pair)
  }
  const common = [...reasons].sort(([, a], [, b]) => b.length - a.length)
  for (const [reason, pairs] of common) examples(`unparsed: ${brief(reason, 80)}`, pairs)
  return parts.join('\n\n')
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
