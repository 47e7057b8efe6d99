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
  olderRollout,
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

const pair = {
  ...{ chosen_token: ' word4', rejected_token: ' other', chosen_token_id: 4, rejected_token_id: 99 },
  ...{ prob_chosen: 0.8, prob_chosen_low: 0.7, prob_chosen_high: 0.9, n_chosen: 64 },
  ...{ prob_rejected: 0.2, prob_rejected_low: 0.1, prob_rejected_high: 0.3, n_rejected: 64 },
}

test('rollouts become branches where they left the trace, with their verdicts and continuations', async () => {
  const folder = await datasetOf({
    search_trace: [searchedTrace(0, 10)],
    pivotal_tokens: [pivotOf(0, 4, pair)],
    rollouts: [
      rollout({ node_depth: 2, purpose: 'search', token_ids: [2, 3, 99, 1], verdict: 'equal' }),
      rollout({ node_depth: 4, purpose: 'confirm', token_ids: [99, 7] }),
      rollout({ node_depth: 5, purpose: 'pair', given_ids: [99], token_ids: [8] }),
      rollout({ node_depth: 5, purpose: 'confirm', token_ids: [5, 6, 1000], verdict: 'equal' }),
      rollout({ node_depth: 5, purpose: 'confirm', token_ids: [5, 6, 7, 8, 9], verdict: 'equal' }),
    ],
  })
  const { detail, counts, index } = await explored(folder)
  const { branches, pivots, nodes, weighed } = detail(0)
  assert.deepEqual(
    branches.map(({ at, token, successes, trials, forced, steered }) => [
      ...[at, token, successes, trials, forced, steered],
    ]),
    [
      [4, ' other', 1, 3, 1, 0],
      [7, '⟨1000⟩', 1, 1, 0, 0],
    ],
  )
  assert.deepEqual([weighed, nodes[4]], [true, [4, 12, 20, 4, 1, 0.65, 0.55, 0.75]])
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

test('a rollout that left a unit shows another way on, wherever in the unit it was launched', async () => {
  const folder = await datasetOf({
    search_trace: [searchedTrace(0, 10)],
    pivotal_tokens: [pivotOf(0, 2, { unit_tokens: 4 })],
    rollouts: [
      rollout({ node_depth: 4, banned_ids: [4], token_ids: [9, 8] }),
      rollout({ node_depth: 6, banned_ids: [6], token_ids: [9], verdict: 'equal' }),
    ],
  })
  const [pivot] = (await explored(folder)).detail(0).pivots
  assert.deepEqual(pivot?.worse?.examples, [[0, ' word2 word3 word9 word8']])
  assert.deepEqual(pivot.better?.examples, [[1, ' word2 word3 word4 word5 word9']])
})

test('the end of an answer has its verdict, not an interval of one trial, in datasets of before too', async () => {
  const rows = {
    search_trace: [searchedTrace(0, 5)],
    pivotal_tokens: [pivotOf(0, 4, { prob_after: 1, n_after: 1 })],
  }
  const own = (await explored(await datasetOf(rows, { old: true }))).detail(0).pivots[0]?.better
  assert.deepEqual([own?.which, own?.low, own?.high], ['own', 1, 1])
})

test('a rollout is placed by the tokens it shares with the trace, and told apart from plain draws', () => {
  const trace = [1, 2, 3]
  const placed = (row: Parameters<typeof pathOf>[0]) => {
    const { launched, left, rest, forced, steered } = pathOf(row, trace)
    return [launched, left, rest, forced, steered]
  }
  const drawn = (given: Partial<RolloutRow>) => placed(rollout(given))
  assert.deepEqual(drawn({ node_depth: 1, token_ids: [2, 9] }), [1, 2, [9], false, false])
  assert.deepEqual(drawn({ node_depth: 1, token_ids: [2, 3] }), [1, 3, [], false, false])
  assert.deepEqual(drawn({ node_depth: 0, banned_ids: [1, 4], token_ids: [5] }), [0, 0, [5], true, false])
  assert.deepEqual(drawn({ node_depth: 2, given_ids: [7], token_ids: [8] }), [1, 1, [7, 8], true, false])
  const within = { node_depth: 2, given_ids: [7], banned_ids: [8], token_ids: [6] }
  assert.deepEqual(drawn(within), [1, 1, [7, 6], true, true])
  const deeper = { node_depth: 4, given_ids: [7, 8, 6], token_ids: [5] }
  assert.deepEqual(drawn(deeper), [1, 1, [7, 8, 6, 5], true, true])

  const before = olderRollout({ node_depth: 0, banned_id: 1, token_ids: [5] })
  assert.deepEqual(placed(before), [0, 0, [5], true, false])
  const given = olderRollout({ node_depth: 2, given_id: 7, token_ids: [8] })
  assert.deepEqual(placed(given), [1, 1, [7, 8], true, false])
})

test('what is known exactly has no error, and a certified pair keeps the intervals of its columns', async () => {
  const known = { known_before: 0.4, known_after: 1, n_before: 0, n_after: 0 }
  const folder = await datasetOf({
    search_trace: [searchedTrace(0, 10)],
    pivotal_tokens: [
      pivotOf(0, 2, { ...known, logprob: Math.log(0.5) }),
      pivotOf(0, 3, { ...known, logprob: Math.log(0.5), known_before: 0.5, n_before: 12 }),
      pivotOf(0, 4, { ...pair, known_before: 0.4, known_after: 0.9 }),
    ],
  })
  const [first, second, third] = (await explored(folder)).detail(0).pivots
  const side = (of: PivotDetail | undefined, way: 'better' | 'worse') => {
    const { p, low, high, trials, known } = of?.[way] as NonNullable<PivotDetail['better']>
    return [p, low, high, trials, known].map((value) =>
      typeof value === 'number' ? Number(value.toFixed(3)) : value,
    )
  }
  assert.deepEqual(side(first, 'better'), [0.8, 0.8, 0.8, 0, 1])
  assert.deepEqual(side(first, 'worse'), [0.2, 0, 0.5, 0, 0.4], 'without draws of the rest, all of it')
  assert.deepEqual(side(second, 'worse'), [0.2, 0, 0.446, 12, 0.5], 'with some, what 6 of 12 leave open')
  assert.deepEqual(side(third, 'better'), [0.8, 0.7, 0.9, 64, 0.9])
  assert.deepEqual(side(third, 'worse'), [0.2, 0.1, 0.3, 64, 'untold'])
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

test('datasets from before answers seen were kept from: one token banned or given, shares of nodes', async () => {
  const unmeasured = {
    ...{ prob_before: NaN, prob_after: NaN, prob_delta: NaN, delta_low: NaN, delta_high: NaN },
    ...{ n_before: 0, n_after: 0 },
  }
  const unreached = { node: 3, successes: 0, trials: 0, low: 0, high: 1, launched: 0, forced_launched: 2 }
  const trace = searchedTrace(0, 10)
  const folder = await datasetOf(
    {
      search_trace: [{ ...trace, nodes: trace.nodes.map((of) => (of.node === 3 ? unreached : of)) }],
      pivotal_tokens: [pivotOf(0, 2), pivotOf(0, 5, unmeasured)],
      rollouts: [
        olderRollout({ node_depth: 3, banned_id: 3, token_ids: [99, 7], verdict: 'equal' }),
        olderRollout({ node_depth: 4, purpose: 'pair', given_id: 99, token_ids: [8] }),
      ],
    },
    { old: true },
  )
  const { branches, nodes, weighed, pivots } = (await explored(folder)).detail(0)
  assert.deepEqual(
    branches.map(({ at, successes, trials, forced, steered }) => [at, successes, trials, forced, steered]),
    [[3, 1, 2, 2, 0]],
  )
  assert.equal(weighed, false)
  assert.deepEqual(nodes[3], [3, 0, 0, 0, 2, null, 0, 1])
  assert.deepEqual(nodes[4], [4, 12, 20, 4, 1, 0.6, 0.3866, 0.7812])
  assert.deepEqual([pivots[0]?.better?.known, pivots[0]?.better?.trials], [null, 64])
  assert.equal(pivots.length, 1, 'a candidate without rollouts has nothing to show')
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
