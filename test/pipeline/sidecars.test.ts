import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import { problems } from '../../src/pipeline/source.ts'
import { col } from '../../src/record/columns.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { pivotalTokens } from '../../src/record/pivotal-tokens.ts'
import { eachPivotalToken } from '../../src/stages/pivotal/each-pivotal-token.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { publishedFiles } from '../../src/store/published.ts'
import { lastDigit, markovModel, tokenizer } from '../stages/markov.ts'

type Line = Readonly<Record<string, unknown>>

const text = (value: unknown): boolean => typeof value === 'string' && value !== ''
const integer = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0
const number = (value: unknown): boolean => Number.isFinite(value)
const probability = (value: unknown): boolean =>
  number(value) && (value as number) > -1e-9 && (value as number) < 1 + 1e-9
const bool = (value: unknown): boolean => typeof value === 'boolean'
const object = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const texts = (value: unknown): boolean => Array.isArray(value) && value.every(text)
const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value)

/** What the public tools (codelion/pts, schema 2.0: pts/events.py, pts/exporters.py, pts/linking.py, pts/latent/metatokens.py,
 *  visualizer/app.py) take from each line, and which of them needs it. */
const facts: Readonly<
  Record<string, readonly (readonly [field: string, is: (value: unknown) => boolean, readBy: string])[]>
> = {
  'pivotal_tokens.jsonl': [
    ['query', text, 'viewer: groups by it; loader; linker'],
    [
      'pivot_context',
      text,
      'viewer: length and text; prompt of exported pairs; activations of steering vectors',
    ],
    ['pivot_token', text, 'viewer and loader: tells the kind of file; a side of exported pairs'],
    ['pivot_token_id', integer, 'loader; exporters leave it out of candidates'],
    ['prob_before', probability, 'viewer formats it as a number'],
    ['prob_after', probability, 'viewer formats it as a number'],
    ['prob_delta', number, 'viewer: size of marks, mean, greatest; exporters: least change'],
    ['is_positive', bool, 'viewer: colour; exporter: which side of a pair the token is'],
    ['model_id', text, 'loader; enrichment refuses the events of another model'],
    ['task_type', text, 'viewer counts them; metadata of exported pairs'],
    ['dataset_item_id', text, 'loader'],
    ['position', integer, 'viewer: place on the time line, negative ones are taken for offsets'],
  ],
  'causal_events.jsonl': [
    ['event_id', text, 'loader: required, a second line with the same is left out; links'],
    ['event_type', oneOf('pivotal_token', 'thought_anchor'), 'viewer and loader: tells the kind of file'],
    ['granularity', oneOf('token', 'sentence'), 'viewer and loader: tells the kind of file'],
    ['visibility', oneOf('emitted'), 'loader: required'],
    ['model_id', text, 'loader: required; enrichment'],
    ['task_type', text, 'loader: required'],
    ['query', text, 'loader: required; viewer groups by it; linker'],
    ['context', text, 'loader: required; prompt of exported pairs; activations'],
    ['label', text, 'loader: required; a side of exported pairs'],
    ['score', probability, 'loader: required; viewer: size of marks'],
    ['search_method', text, 'loader: required'],
    ['position', integer, 'viewer: time line; linker'],
    ['token_id', integer, 'exporters'],
    ['prob_before', probability, 'viewer: time line'],
    ['prob_after', probability, 'viewer: time line; probability of a side of exported pairs'],
    ['prob_delta', number, 'viewer; exporters: least change'],
    ['is_positive', bool, 'viewer: colour; exporter: which side of a pair the token is'],
    ['tags', texts, 'loader looks a word up in it'],
    ['metadata', object, 'exporter: the other side of the pair'],
  ],
}

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-sidecars-'))
after(() => rm(folder, { recursive: true }))
const traces = ['xxAxxAx1', 'xxBxxBx0', 'xxAxxBx1', 'xxBxxAx0']

before(async () => {
  const input = join(folder, 'problems.jsonl')
  writeFileSync(
    input,
    traces.map((_, i) => `{"id":"q${i}","problem":"xy${'x'.repeat(i)}","answer":"1"}\n`).join(''),
  )
  const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }
  const pipeline = Pipeline.from(problems(input))
    .through(
      map({
        name: 'traces',
        needs: { id: col.string('id') },
        adds: {
          trace_id: col.string('trace id'),
          completion: col.string('trace'),
          completion_ids: col.nullable(col.list(col.int32('token id'), 'ids')),
          teacher_model: col.string('model'),
          pass_rate: col.double('pass rate'),
        },
        each: ({ id }) => {
          const completion = traces[Number(id.slice(1))] as string
          const ids = [...tokenizer.encode(completion), tokenizer.eos.id]
          const given = { completion, completion_ids: ids, teacher_model: 'teacher', pass_rate: 0.4 }
          return { trace_id: `${id}-0`, ...given }
        },
      }),
    )
    .through(findPivotalTokens({ student: markovModel(), gap: 0.2, verifier: lastDigit, ...sampler }))
    .through(eachPivotalToken())
    .into(pivotalTokens)
    .into(dpoPivotal)
  const plan = await planPipeline(pipeline, { name: 'sidecars', seed: 0, shardRows: 2 })
  await runPipeline(pipeline, plan, { out: join(folder, 'out') })
})

const linesOf = (file: string): readonly Line[] =>
  readFileSync(join(folder, 'out/sidecars', file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)

test('every line has what the loader, the exporters and the viewer of the public tools read, never null', () => {
  for (const [file, fields] of Object.entries(facts)) {
    const lines = linesOf(file)
    assert.deepEqual(new Set(lines.map(({ is_positive: raises }) => raises)), new Set([true, false]), file)
    for (const line of lines)
      for (const [field, is, readBy] of fields)
        assert.ok(is(line[field]), `${file}: ${field} is ${JSON.stringify(line[field])} (${readBy})`)
  }
})

test('no line has a name by which the viewer takes the file for one of another kind', () => {
  const others = ['chosen', 'rejected', 'steering_vector', 'sentence', 'sentence_id']
  for (const line of linesOf('causal_events.jsonl')) assert.deepEqual(named(line, others), [])
  const events = [...others, 'event_type', 'granularity']
  for (const line of linesOf('pivotal_tokens.jsonl')) assert.deepEqual(named(line, events), [])
})

const named = (line: Line, names: readonly string[]): string[] => names.filter((name) => name in line)

test('the public exporter makes the same pairs of either file, both sides with their probability', () => {
  const wanted = linesOf('dpo_pairs.jsonl').map((pair) => [
    ...[pair.prompt_with_bos, pair.chosen, pair.rejected, pair.prob_chosen, pair.prob_rejected],
  ])
  assert.ok(wanted.length > 4)
  const events = linesOf('causal_events.jsonl')
  assert.deepEqual(
    events.flatMap((line) => pairOf(line, line.metadata as Line)),
    wanted,
  )
  const tokens = linesOf('pivotal_tokens.jsonl').map((line) => ({
    ...{ ...line, context: line.pivot_context, label: line.pivot_token },
  }))
  assert.deepEqual(
    tokens.flatMap((line) => pairOf(line, line)),
    wanted,
  )
})

/** As the exporter does it: a token that raises is the chosen side, and else the rejected one. */
function pairOf({ context, label, is_positive, prob_after }: Line, other: Line): unknown[] {
  if (is_positive === true) {
    const { rejected_token: rejected, rejected_prob: probability } = other
    return rejected === null ? [] : [[context, label, rejected, prob_after, probability]]
  }
  const { chosen_token: chosen, chosen_prob: probability } = other
  return chosen === null ? [] : [[context, chosen, label, probability, prob_after]]
}

test('events of a file are told apart, and stand where their token stands behind the prompt', () => {
  const [events, tokens] = [linesOf('causal_events.jsonl'), linesOf('pivotal_tokens.jsonl')]
  assert.equal(new Set(events.map(({ event_id: id }) => id)).size, events.length)
  assert.equal(events.length, tokens.length)
  for (const { position, context } of events)
    assert.equal(position, tokenizer.encode(context as string).length)
})

test('of a published dataset the viewer opens the events, and not the pairs, which come first', async () => {
  const files = await publishedFiles(join(folder, 'out'), { removed: false })
  const found = files.flatMap(({ path }) => (path.endsWith('.jsonl') ? [path] : [])).sort()
  const opened = found.find((path) => path.includes('causal_events')) ?? found[0]
  assert.deepEqual([found.length, opened], [3, 'sidecars/causal_events.jsonl'])
})

test('a candidate that a cap left without rollouts on a side has no line, for it has no probabilities', () => {
  const [row] = linesOf('pivotal_tokens.jsonl')
  for (const sidecar of pivotalTokens.sidecars ?? []) {
    const told = (changes: Line): unknown => sidecar.line?.({ ...row, prefix_ids: [1], ...changes } as never)
    assert.notEqual(told({}), null)
    assert.equal(told({ n_after: 0, prob_after: NaN, prob_before: NaN }), null)
    assert.notEqual(told({ n_before: 0, n_after: 0 }), null, 'nothing is left to draw where all is known')
  }
})

test('a searched sentence is a thought anchor, whose number nobody knows', () => {
  const [row] = linesOf('pivotal_tokens.jsonl')
  const sidecar = pivotalTokens.sidecars?.find(({ file }) => file === 'causal_events.jsonl')
  const event = sidecar?.line?.({ ...row, unit: 'sentence', prefix_ids: [1] } as never) as Line
  const { event_type, granularity, position, token_id } = event
  assert.deepEqual(
    { event_type, granularity, position, token_id },
    { event_type: 'thought_anchor', granularity: 'sentence', position: null, token_id: null },
  )
})
