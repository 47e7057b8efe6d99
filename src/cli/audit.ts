import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { readAudit, writeAuditReport } from '../report/audit/audit.ts'
import { audit, type Audited, judgeAgain, sealAudit } from '../stages/decontaminate/audit/audit.ts'
import { type FolderJudging, itemFields } from '../stages/decontaminate/audit/judge-folder.ts'
import { readList } from '../stages/decontaminate/phrases.ts'
import { judgingOf } from '../stages/decontaminate/judging.ts'
import { ruleNames } from '../stages/decontaminate/rules.ts'
import { packageVersion } from '../store/bundled.ts'
import { type AuditSummary } from '../store/audit-summary.ts'
import { auditText } from './audit-text.ts'
import { command, type ExitCode, type Terminal } from './command.ts'
import { bytesWatch, rowsWatch } from './audit-progress.ts'

const texts = (meaning: string) => z.array(z.string()).default([]).describe(meaning)

const options = z.object({
  corpus: texts('training data: .jsonl (.gz, .zst) and .parquet files'),
  field: texts('fields to read, as text or messages[].content; every text by default'),
  benchmarks: texts('names from fulcrum benchmarks list, files, or NAME=PATH'),
  out: z.string().optional().describe('folder of the audit'),
  judge: z.string().optional().describe('folder of an audit: judge its evidence again, without a scan'),
  rule: z.enum(ruleNames).default('phi4').describe('what counts as contaminated'),
  contaminated: z.number().optional().describe("score from which a row is contaminated (the rule's own)"),
  info: z.number().optional().describe("score above which a row is partial (the rule's own)"),
  allow: texts('list of n-grams or items that do not count, JSONL with a reason each'),
  deny: texts('list of n-grams or items that count however little is shared'),
  leastNgrams: z
    .int()
    .min(1)
    .default(3)
    .describe('7-grams a ratio must rest on, unless the whole item is found'),
  commonRows: z
    .int()
    .min(0)
    .default(0)
    .describe('7-grams in so many rows are common and do not count; 0: none is'),
  itemFields: z
    .array(z.enum(itemFields as [string, ...string[]]))
    .optional()
    .describe('texts of items that decide (all)'),
  write: z
    .enum(['clean', 'quarantine', 'redact'])
    .optional()
    .describe('write the corpus without contaminated rows, those apart too, or with runs blanked'),
  failOn: z.enum(['contaminated', 'partial']).optional().describe('exit 1 if a row is that or worse'),
  selfTest: z.boolean().default(false).describe('plant known leaks in this corpus and measure what is found'),
  trials: z.int().min(1).default(100).describe('plants of each kind'),
  seed: z.int().min(0).default(0).describe('seed of the self-test'),
  review: z
    .boolean()
    .default(false)
    .describe('also list rows that look rephrased or renumbered, for people to read'),
  compare: z.string().optional().describe('folder of an earlier audit, to be compared with in audit.html'),
  workers: z.int().min(1).optional().describe('threads that scan (all cores)'),
  cache: z.string().optional().describe('folder of fetched benchmarks'),
  json: z.boolean().default(false).describe('print audit.json'),
})

type Options = z.output<typeof options>

/** Looks for benchmarks in training data, or judges again what was found. */
export default command({
  name: 'audit',
  summary: 'Look for benchmark items in training data, with evidence; or judge stored evidence again',
  positionals: [],
  options,
  example:
    'fulcrum audit --corpus train.jsonl --benchmarks gsm8k my-test.jsonl --out audits/train --self-test',
  run: async ({ options: given }, terminal) => {
    checkChoice(given)
    const judging = await judgingFrom(given)
    const before = given.compare === undefined ? null : await readAudit(given.compare)
    const folder = (given.judge ?? given.out) as string
    const { summary, written } =
      given.judge === undefined
        ? await scanned(given, judging, terminal)
        : await judgeAgain(folder, judging, given.write)
    const page = await writeAuditReport(folder, before)
    await sealAudit(folder, written)
    const paths = [...written.map(({ file }) => join(folder, file)), page].join('\n')
    terminal.print(given.json ? JSON.stringify(summary, null, 2) : `${auditText(summary)}\n\n${paths}`)
    refuseDamage(summary)
    return exitCode(summary, given.failOn)
  },
})

function checkChoice({ judge, corpus, benchmarks, out, selfTest, review }: Options): void {
  const refuse = (message: string, hint: string): never => {
    throw new FulcrumError('config', message, hint)
  }
  if (judge !== undefined) {
    if (corpus.length > 0 || benchmarks.length > 0 || out !== undefined || selfTest || review)
      refuse(
        '--judge takes no --corpus, --benchmarks, --out, --self-test or --review',
        'Judging reads stored evidence only; leave --judge out to scan.',
      )
    return
  }
  const missing = [
    ...(corpus.length === 0 ? ['--corpus'] : []),
    ...(benchmarks.length === 0 ? ['--benchmarks'] : []),
    ...(out === undefined ? ['--out'] : []),
  ]
  if (missing.length > 0)
    refuse(`${missing.join(', ')} missing`, 'Give corpus, benchmarks and out, or --judge FOLDER.')
  const twice = corpus.find((file, i) => corpus.indexOf(file) !== i)
  if (twice !== undefined)
    refuse(`--corpus names ${twice} twice`, 'Name each file once: its rows would count double.')
}

async function judgingFrom(given: Options): Promise<FolderJudging> {
  const lists = (files: readonly string[]) =>
    Promise.all(files.map((file) => readList(file))).then((entries) => entries.flat())
  const judging = {
    ...given,
    allow: await lists(given.allow),
    deny: await lists(given.deny),
    itemFields: itemFields.filter((field) => given.itemFields?.includes(field) ?? true),
  }
  judgingOf(judging)
  return judging
}

async function scanned(given: Options, judging: FolderJudging, terminal: Terminal): Promise<Audited> {
  const bytes = bytesWatch(terminal)
  const rows = rowsWatch(terminal)
  const found = await audit({
    folder: given.out as string,
    corpus: given.corpus,
    fields: given.field,
    benchmarks: given.benchmarks,
    cache: given.cache,
    workers: given.workers ?? availableParallelism(),
    allow: judging.allow ?? [],
    versions: { fulcrum: await packageVersion(), node: process.version },
    judging,
    selfTestTrials: given.selfTest ? given.trials : 0,
    seed: given.seed,
    review: given.review,
    write: given.write,
    signal: terminal.signal,
    watch: bytes.watch,
    watchReview: rows.watch,
  })
  bytes.end()
  return found
}

/** All that could be read is judged and written by now; the verdict must not pass for one on whole files. */
function refuseDamage({ scan }: AuditSummary): void {
  const damages = scan.corpus.files.flatMap(({ damage }) => damage ?? [])
  if (damages.length === 0) return
  throw new FulcrumError(
    'data',
    `The audit is of part of the corpus only: ${damages.join('; ')}`,
    'Fetch or write the file again, then repeat the audit.',
  )
}

/** Partial is worse than clean, contaminated worse than both. */
function exitCode({ status }: AuditSummary, failOn: Options['failOn']): ExitCode {
  if (failOn === undefined || status === 'clean') return 0
  return status === 'contaminated' || failOn === 'partial' ? 1 : 0
}
