import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { openModel } from '../model/open.ts'
import { share } from '../statistics/estimate.ts'
import { locate, packageRoot } from '../store/bundled.ts'
import { sha256OfFile, writeWhole } from '../store/files.ts'
import { claimFolder } from '../train/checkpoints.ts'
import {
  evaluate,
  type Evaluation,
  type EvaluationProblem,
  readEvaluationProblems,
} from '../train/evaluate.ts'
import { type Comparison, compare, type Group, passCurve, passRates } from '../train/pass-rates.ts'
import { openVerifier, verifierNames } from '../verify/open.ts'
import { command, type Terminal } from './command.ts'
import { table } from './table.ts'

const schema = z
  .object({
    model: z.string().describe('model folder, FILE.gguf, or http://host:port/v1#name'),
    problems: z.string().describe('JSONL or Parquet with problem and answer that no training saw'),
    baseline: z.string().optional().describe('model to compare with on the same problems, as one before'),
    verifier: z.enum(verifierNames).default('numeric').describe('how answers are compared'),
    temperature: z.number().min(0).default(0).describe('0 is greedy'),
    greedy: z.boolean().default(false).describe('measure the greedy completion besides the sampled ones'),
    samples: z.int().min(1).default(1).describe('completions a problem'),
    k: z
      .string()
      .regex(/^[1-9]\d*(,[1-9]\d*)*$/, 'Write numbers with commas, as 1,4')
      .default('1')
      .describe('pass@k for these k, with commas'),
    by: z.array(z.string()).default([]).describe('column of the problems to group by'),
    topP: z.number().min(0).max(1).default(1).describe('nucleus share; 1 is off'),
    topK: z.int().min(0).default(0).describe('most likely tokens kept; 0 is off'),
    maxTokens: z.int().min(1).default(512).describe('longest completion, tokens'),
    seed: z.int().min(0).default(0).describe('seed of the draws'),
    tokenizer: z
      .string()
      .optional()
      .describe('model folder with the tokenizer of a GGUF file or of a model behind HTTP'),
    out: z.string().optional().describe('folder for run.json, every completion, the summary and its curve'),
    json: z.boolean().default(false).describe('print JSON, every problem'),
  })
  .refine(({ temperature, samples }) => temperature > 0 || samples === 1, {
    message: 'Give --temperature above 0 for more than one sample: greedy completions are all the same',
  })
  .refine(({ k, samples }) => k.split(',').every((one) => Number(one) <= samples), {
    message: 'Give at least as many --samples as the largest --k',
  })
type Options = z.output<typeof schema>

/** One way of drawing, for the model and the baseline. */
interface Measured {
  /** greedy or sampled. */
  readonly sampling: string
  readonly after: Evaluation
  readonly before: Evaluation | null
  readonly rates: readonly Group[]
  readonly baseline: readonly Group[] | null
  readonly comparison: readonly Comparison[] | null
}

/** Measures a model's pass rate, alone or against another's. */
export default command({
  name: 'evaluate',
  summary: 'Measure pass@k of a model on problems, with 95 % intervals, by group and against a baseline',
  positionals: [],
  options: schema,
  example:
    'fulcrum evaluate --model models/dpo --baseline datasets/models/student --problems held-out.jsonl --temperature 1 --samples 4 --k 1,4',
  run: async ({ options }, terminal) => {
    const file = locate(options.problems)
    const problems = await readEvaluationProblems(file, options.by)
    if (options.out !== undefined) await claimFolder(options.out, await runOf(options, file, problems.length))
    const measured: Measured[] = []
    for (const sampling of samplingsOf(options)) {
      const after = await measure(options.model, options, sampling, problems, terminal)
      const before =
        options.baseline === undefined
          ? null
          : await measure(options.baseline, options, sampling, problems, terminal)
      measured.push(summed(sampling, options, after, before))
    }
    if (options.out !== undefined) await writeResults(options.out, measured)
    const [first] = measured as [Measured]
    if (options.json)
      terminal.print(JSON.stringify({ ...first.after, measured: measured.map(numbersOf) }, null, 2))
    else for (const one of measured) terminal.print(shown(one))
    return 0
  },
})

type Sampling = Pick<Options, 'temperature' | 'samples'> & { readonly ks: readonly number[] }

/** As asked, and greedy besides if that is asked for too. */
function samplingsOf({ temperature, samples, k, greedy }: Options): Sampling[] {
  const asked = { temperature, samples, ks: [...new Set(k.split(',').map(Number))] }
  return greedy && temperature > 0 ? [asked, { temperature: 0, samples: 1, ks: [1] }] : [asked]
}

async function measure(
  spec: string,
  options: Options,
  { temperature, samples }: Sampling,
  problems: readonly EvaluationProblem[],
  { live, tell, signal }: Terminal,
): Promise<Evaluation> {
  const model = await openModel(spec, { apiKey: process.env.OPENAI_API_KEY, tokenizer: options.tokenizer })
  const verifier = await openVerifier(options.verifier)
  try {
    return await evaluate({
      ...options,
      ...{ model, problems, signal, temperature, samples },
      verifier,
      onProblem: (done, correct) => {
        if (live) tell(`\r\x1b[2K${done}/${problems.length} problems, ${correct} correct`)
      },
    })
  } finally {
    if (live) tell('\r\x1b[2K')
    await verifier.close?.()
    await model.close()
  }
}

function summed(
  { temperature, ks }: Sampling,
  { by }: Options,
  after: Evaluation,
  before: Evaluation | null,
): Measured {
  return {
    sampling: temperature === 0 ? 'greedy' : `temperature ${temperature}`,
    after,
    before,
    rates: passRates(after.results, ks, by),
    baseline: before === null ? null : passRates(before.results, ks, by),
    comparison: before === null ? null : compare(before.results, after.results, ks, by),
  }
}

/** Everything that the results follow from. */
async function runOf(options: Options, file: string, count: number): Promise<object> {
  const { version } = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string
  }
  return {
    fulcrum: version,
    node: process.version,
    ...{ ...options, out: undefined, json: undefined },
    verifier_id: await idOf(options.verifier),
    problems_sha256: await sha256OfFile(file),
    problems_count: count,
    model_files: await filesOf(options.model),
    baseline_files: options.baseline === undefined ? null : await filesOf(options.baseline),
  }
}

async function idOf(name: string): Promise<string> {
  const verifier = await openVerifier(name)
  await verifier.close?.()
  return verifier.id
}

/** What of a folder a model is made of. */
const modelFile =
  /^(config|tokenizer|tokenizer_config|adapter_config)\.json$|\.(safetensors|index\.json|jinja)$/

/** sha256 of the files a model is made of; null for a model behind HTTP, of which nothing is known but its name. */
async function filesOf(spec: string): Promise<Record<string, string> | null> {
  if (/^https?:/.test(spec)) return null
  const sums: Record<string, string> = {}
  for (const place of spec.split('#').map(locate)) {
    const names = await readdir(place).catch(() => null)
    const files = names?.filter((name) => modelFile.test(name)).map((name) => join(place, name)) ?? [place]
    for (const file of files.sort()) sums[file] = await sha256OfFile(file).catch(() => 'not readable')
  }
  return sums
}

async function writeResults(out: string, measured: readonly Measured[]): Promise<void> {
  const lines = measured.flatMap(({ sampling, after, before }) =>
    [after, ...(before === null ? [] : [before])].flatMap(({ model, results }) =>
      results.map((result) => JSON.stringify({ model, sampling, ...result })),
    ),
  )
  await writeWhole(join(out, 'results.jsonl'), `${lines.join('\n')}\n`)
  await writeWhole(join(out, 'summary.json'), `${JSON.stringify(measured.map(numbersOf), null, 2)}\n`)
  const [{ after, before }] = measured as [Measured]
  const lineOf = ({ model, results }: Evaluation) => ({ name: model.split('@')[0] ?? model, results })
  const curves = [...(before === null ? [] : [lineOf(before)]), lineOf(after)]
  await writeWhole(join(out, 'pass.svg'), passCurve(curves))
}

function numbersOf({ sampling, after, before, rates, baseline, comparison }: Measured): object {
  const { unparsed, truncated, passed } = after
  return {
    sampling,
    model: after.model,
    baseline_model: before?.model ?? null,
    passed,
    unparsed,
    truncated,
    rates,
    baseline,
    comparison,
  }
}

const digits = (value: number): string => value.toFixed(3)

function shown({ sampling, after, rates, baseline, comparison }: Measured): string {
  const ks = rates[0]?.rates.map(({ k }) => k) ?? []
  const head = ks.flatMap((k) => [
    `pass@${k}`,
    '95 % interval',
    ...(baseline === null ? [] : ['before', 'change', '95 % interval']),
  ])
  const rows = rates.map(({ name, problems, rates: found }, g) => [
    name,
    problems,
    ...found.flatMap(({ rate, interval }, i) => {
      const change = comparison?.[g]?.differences[i]
      const was = baseline?.[g]?.rates[i]?.rate
      const own = [digits(rate), `${digits(interval.low)} to ${digits(interval.high)}`]
      if (change === undefined || was === undefined) return own
      const { low, high } = change.interval
      return [
        ...own,
        digits(was),
        `${change.difference < 0 ? '' : '+'}${digits(change.difference)}`,
        `${digits(low)} to ${digits(high)}`,
      ]
    }),
    ...(comparison === null ? [] : [(comparison[g]?.p_value ?? 1).toPrecision(2)]),
  ])
  const { passed, unparsed, truncated, model } = after
  return [
    `${sampling}: ${(100 * share(passed)).toFixed(1)} % pass (${passed.successes} of ${passed.trials} completions)`,
    table([['', 'problems', ...head, ...(comparison === null ? [] : ['p'])], ...rows]),
    `${unparsed} answers not readable, ${truncated} completions cut off; ${model}`,
  ].join('\n')
}
