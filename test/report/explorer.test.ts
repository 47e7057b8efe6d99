import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ExplorerIndex, PivotDetail, TraceDetail } from '../../src/report/explorer/embedded.ts'
import { writeExplorer } from '../../src/report/explorer/explorer.ts'
import { pathOf } from '../../src/report/explorer/paths.ts'
import { inlined } from '../../src/report/explorer/script.ts'
import { fulcrum } from '../e2e/command.ts'
import {
  datasetOf,
  hostileDataset,
  type PairRow,
  pivotOf,
  rollout,
  type RolloutRow,
  rowOf,
  searchedTrace,
} from './explorer-folder.ts'

async function explored(folder: string, traces = 100) {
  const { out, counts, shown } = await writeExplorer({ dataset: folder, traces })
  const text = await readFile(out, 'utf8')
  const block = (id: string): unknown =>
    JSON.parse(
      new RegExp(`<script type="application/json" id="${id}">(.*?)</script>`).exec(text)?.[1] ?? 'null',
    )
  const detail = (i: number) => block(`trace-${i}`) as TraceDetail
  return { text, counts, shown, index: block('index') as ExplorerIndex, detail }
}

test('rollouts become branches where they left the trace, with their verdicts and continuations', async () => {
  const pair = { chosen_token: ' word4', rejected_token: ' other', chosen_token_id: 4, rejected_token_id: 99 }
  const folder = await datasetOf({
    search_trace: [searchedTrace(0, 10)],
    pivotal_tokens: [
      pivotOf(0, 4, {
        ...pair,
        ...{ prob_chosen: 0.8, prob_chosen_low: 0.7, prob_chosen_high: 0.9, n_chosen: 64 },
        ...{ prob_rejected: 0.2, prob_rejected_low: 0.1, prob_rejected_high: 0.3, n_rejected: 64 },
      }),
    ],
    rollouts: [
      rollout({ node_depth: 2, purpose: 'search', token_ids: [2, 3, 99, 1], verdict: 'equal' }),
      rollout({ node_depth: 4, purpose: 'confirm', token_ids: [99, 7] }),
      rollout({ node_depth: 5, purpose: 'pair', given_id: 99, token_ids: [8] }),
      rollout({ node_depth: 5, purpose: 'confirm', token_ids: [5, 6, 1000], verdict: 'equal' }),
      rollout({ node_depth: 5, purpose: 'confirm', token_ids: [5, 6, 7, 8, 9], verdict: 'equal' }),
    ],
  })
  const { detail, counts, index } = await explored(folder)
  const { branches, pivots } = detail(0)
  assert.deepEqual(
    branches.map(({ at, token, successes, trials, forced }) => [at, token, successes, trials, forced]),
    [
      [4, ' other', 1, 3, 1],
      [7, '⟨1000⟩', 1, 1, 0],
    ],
  )
  const pivot = pivots[0] as PivotDetail
  assert.deepEqual([pivot.better?.which, pivot.worse?.which, pivot.worse?.token], ['own', 'other', ' other'])
  assert.deepEqual(pivot.worse?.examples, [
    [1, ' other word1'],
    [0, ' other word7'],
    [0, ' other word8'],
  ])
  assert.deepEqual(pivot.better?.examples, [
    [1, ' word4 word5 word6⟨1000⟩'],
    [1, ' word4 word5 word6 word7 word8 word9'],
  ])
  assert.deepEqual(counts.rollouts, { search: 5, confirm: 3, pair: 2, known: 1 })
  assert.deepEqual([counts.tokens, counts.pruned, counts.pairs], [10, 5, 1])
  assert.deepEqual(index.traces[0]?.pivots, [[4, 0.3, 1, 1]])
})

test('the end of an answer has its verdict, not an interval of one trial', async () => {
  const folder = await datasetOf({
    search_trace: [searchedTrace(0, 5)],
    pivotal_tokens: [pivotOf(0, 4, { prob_after: 1, n_after: 1 })],
  })
  const own = (await explored(folder)).detail(0).pivots[0]?.better
  assert.deepEqual([own?.which, own?.low, own?.high], ['own', 1, 1])
})

test('a rollout is placed by the tokens it shares with the trace', () => {
  const trace = [1, 2, 3]
  const placed = (given: Partial<RolloutRow>) => {
    const { launched, left, rest, forced } = pathOf(rollout(given), trace)
    return [launched, left, rest, forced]
  }
  assert.deepEqual(placed({ node_depth: 1, token_ids: [2, 9] }), [1, 2, [9], false])
  assert.deepEqual(placed({ node_depth: 1, token_ids: [2, 3] }), [1, 3, [], false])
  assert.deepEqual(placed({ node_depth: 0, banned_id: 1, token_ids: [5] }), [0, 0, [5], true])
  assert.deepEqual(placed({ node_depth: 2, given_id: 7, token_ids: [8] }), [1, 1, [7, 8], true])
})

test('the traces with the largest changes are kept, in that order; counts are of all', async () => {
  const traces = Array.from({ length: 9 }, (_, i) => i)
  const folder = await datasetOf({
    search_trace: traces.map((i) => searchedTrace(i, 6)),
    pivotal_tokens: traces.slice(1).map((i) => pivotOf(i, 2, { prob_delta: i % 2 === 0 ? i / 10 : -i / 10 })),
  })
  const { index, counts, shown, detail } = await explored(folder, 3)
  assert.deepEqual(
    index.traces.map(({ question }) => question),
    ['q8', 'q7', 'q6'],
  )
  assert.deepEqual([shown, counts.traces, counts.pivots, detail(0).trace], [3, 9, 8, 't8'])
  assert.equal((await explored(folder)).index.traces.at(-1)?.question, 'q0', 'a trace without pivots is last')
})

test('a token that the sampler never takes has its place: probability 0, not an unreadable dataset', async () => {
  const searched = searchedTrace(0, 6)
  const folder = await datasetOf({
    search_trace: [{ ...searched, logprobs: searched.logprobs.with(2, -Infinity) }],
    pivotal_tokens: [
      pivotOf(0, 2, {
        ...{ logprob: -Infinity, e_value: Infinity, chosen_token: ' other', rejected_token: ' word2' },
        ...{ prob_chosen: 1, prob_chosen_low: 0.9, prob_chosen_high: 1, n_chosen: 64, logprob_chosen: -0.1 },
        ...{ prob_rejected: 0, prob_rejected_low: 0, prob_rejected_high: 0.1, n_rejected: 64 },
        logprob_rejected: -Infinity,
      }),
    ],
  })
  const { detail } = await explored(folder)
  const { logprobs, pivots } = detail(0)
  const rejected = pivots[0]?.worse?.logprob
  assert.deepEqual(
    [logprobs?.[2], rejected].map((nats) => Math.exp(nats ?? 0)),
    [0, 0],
  )
  assert.ok(pivots[0]?.facts.some(([name, value]) => name === 'e-value' && value === 'Infinity'))
})

test('datasets from before search_trace: pivotal tokens alone, older columns missing, or pairs alone', async () => {
  const tokens = { trace_tokens: ['a', 'b', 'c'], trace_ids: [1, 2, 3] }
  const older = await datasetOf(
    { pivotal_tokens: [pivotOf(1, 1, tokens)] },
    { without: ['unit_tokens', 'search_delta', 'logprob_is_lower_bound', 'e_value'] },
  )
  const { detail, counts } = await explored(older)
  assert.deepEqual(detail(0).tokens, ['a', 'b', 'c'])
  assert.deepEqual([detail(0).pivots[0]?.token, counts.rollouts, counts.pruned], ['b', null, null])

  const pair = (position: number, prompt: string, chosen: string, rejected: string): PairRow =>
    rowOf<PairRow>('dpo_pivotal', {
      ...{ question_id: 'q', trace_id: 't', position, prompt, chosen, rejected, trace_length: 9 },
      ...{ prob_chosen: 0.9, prob_rejected: 0.3, prob_delta: 0.6, confirmed: true },
    })
  const pairs = await explored(
    await datasetOf({ dpo_pivotal: [pair(2, 'Q: so', ' x', ' y'), pair(5, 'Q: so y then', ' u', ' v')] }),
  )
  assert.deepEqual(pairs.detail(0).tokens, ['Q: so', ' y', ' then', ' u |  v'])
  assert.deepEqual(pairs.detail(0).positions, [-1, 2, -1, 5])
  assert.deepEqual([pairs.counts.pairs, pairs.index.traces[0]?.pivots.length], [2, 2])
})

test('one file that loads nothing: scripts and style by hash only, hostile text never markup', async () => {
  const { text, detail } = await explored(await hostileDataset())
  const script = /<script>([\s\S]*?)<\/script>/.exec(text)?.[1] ?? ''
  const sheet = /<style>([\s\S]*?)<\/style>/.exec(text)?.[1] ?? ''
  const hash = (of: string): string => createHash('sha256').update(of).digest('base64')
  assert.ok(text.includes(`script-src &#39;sha256-${hash(script)}&#39;`))
  assert.ok(text.includes(`style-src &#39;sha256-${hash(sheet)}&#39;`))
  assert.match(text, /default-src &#39;none&#39;/)
  assert.doesNotMatch(
    script,
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|^import |^export /m,
  )
  assert.doesNotMatch(sheet, /url\(|@import/)
  assert.equal(text.match(/<script/g)?.length, 3, 'index, one trace, one program')
  assert.doesNotMatch(text, /<img|<!--|[\u202E\u0000]/)
  assert.ok(detail(0).tokens[0]?.startsWith('</script><script>'), 'and it can be read')
})

test('fulcrum report takes a run folder or a manifest, and says what a dataset lacks', async () => {
  const folder = await datasetOf({ search_trace: [searchedTrace(1, 4)], pivotal_tokens: [pivotOf(1, 2)] })
  const written = await fulcrum(['report', join(folder, 'manifest.json'), '--out', join(folder, 'x.html')])
  assert.deepEqual([written.code, written.stderr], [0, ''])
  assert.match(written.stdout, /traces +1\npivotal tokens +1\n[\s\S]*rollouts +10\n\n.*x\.html\n$/)
  await assert.rejects(writeExplorer({ dataset: await datasetOf({ rollouts: [] }), traces: 1 }), {
    code: 'data',
    message: /no pivotal tokens to explore: its configs are rollouts/,
  })
  await assert.rejects(writeExplorer({ dataset: join(folder, 'nowhere'), traces: 1 }), { code: 'store' })
})

test('a module of the page is inlined alike from source and from what the compiler wrote', () => {
  const body = 'export function place(at) {\n  return at + whole\n}\nexport const far = 1'
  const own = inlined('token-strip', `import {         whole } from './figures.ts'\n${body}`)
  const built = inlined('token-strip', `import { whole } from "./figures.js";\n${body}`)
  assert.equal(own.replace(/ +/g, ' '), built.replace(/ +/g, ' '))
  assert.equal(
    built,
    'const tokenStripModule = (() => {\nconst { whole } = figuresModule\nfunction place(at) {\n  return at + whole\n}\nconst far = 1\nreturn { place, far }\n})()',
  )
  assert.throws(() => inlined('main', "import * as all from './figures.ts'"), /main: an import or export/)
})
