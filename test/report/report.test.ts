import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { escaped, markup } from '../../src/report/html.ts'
import { writeReport } from '../../src/report/report.ts'
import { shade } from '../../src/report/traces.ts'
import { runFolder, type RunFolderInput } from './run-folder.ts'

async function reportOf(
  input: RunFolderInput,
  more: Omit<Parameters<typeof writeReport>[0], 'manifest' | 'out'> = {},
) {
  const manifest = await runFolder(input)
  const out = join(dirname(manifest), 'report.html')
  const data = await writeReport({ manifest, out, ...more })
  return { data, text: await readFile(out, 'utf8'), folder: dirname(manifest) }
}

test('shows pivotal tokens with their colours, probabilities and pairs', async () => {
  const { text, data } = await reportOf({
    pivots: [
      {},
      {
        position: 3,
        prob_before: 0.4,
        prob_after: 1,
        prob_delta: 0.6,
        chosen_token: null,
        rejected_token: null,
      },
      { position: 4, prob_before: 0.2, prob_after: 1, prob_delta: 0.8, n_after: 1 },
    ],
  })
  assert.match(text, /<span class="pivot down2" tabindex="0"> directly/)
  assert.match(text, /<span class="pivot up3" tabindex="0">2/)
  assert.match(text, /<b>\.50 → \.25<\/b> \(−\.25\)/)
  assert.match(text, /\.50 → \.25 \[\.16, \.37\]</, 'what was before is a mixture, not a share of trials')
  assert.match(text, /\.20 → 1\.00</, 'and the end of an answer has its verdict')
  assert.match(text, /chosen <code> stepwise<\/code> over <code> directly<\/code>/)
  assert.match(text, /none certified/)
  assert.match(text, /⏎\n/)
  assert.deepEqual([data.traces.length, data.traces[0]?.length, data.confirmed], [1, 3, 3])
  assert.match(text, /<b>3<\/b>pivotal tokens<br \/><small>all confirmed on fresh rollouts/)
})

const attack = `</style></title><script>alert(1)</script><img src=x onerror="alert(1)">'"&\u202Egnp.exe\u0000`

test('hostile text is inert wherever it comes from', async () => {
  const { text } = await reportOf({
    pivots: [
      {
        query: attack,
        question_id: attack,
        trace_tokens: [attack, attack, attack],
        chosen_token: attack,
        rejected_token: attack,
      },
    ],
    removed: [{ id: attack, stage: 'teachable', reason: attack, row: JSON.stringify({ note: attack }) }],
    change: { name: attack, models: [{ id: attack }], counters: { [attack]: 1 } },
  })
  const tags = new Set([...text.matchAll(/<([a-z0-9!/]+)/gi)].map(([, tag]) => tag?.replace('/', '')))
  for (const tag of ['script', 'img']) assert.ok(!tags.has(tag), `${tag} in the page`)
  for (const [whole] of text.matchAll(/<[a-z][^>]*>/gi))
    assert.doesNotMatch(whole, /\son[a-z]+\s*=|javascript:/i)
  assert.equal(text.match(/<\/style>/g)?.length, 1)
  assert.doesNotMatch(text, /[\u202E\u0000]/)
  assert.ok(text.includes('&lt;script&gt;alert(1)'), 'and it can be read')
})

test('escaped text has no markup and nothing that turns the writing round', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const safe = escaped(text)
      assert.doesNotMatch(safe, /[<>"'\u0000\u202A-\u202E\u2066-\u2069]/)
      assert.doesNotMatch(safe.replace(/&(amp|lt|gt|quot|#39);/g, ''), /&/)
      assert.doesNotMatch(safe, /\p{Surrogate}/u)
    }),
  )
  assert.equal(markup`<b>${'<i>'}</b>${[markup`<u>${1}</u>`]}`.text, '<b>&lt;i&gt;</b><u>1</u>')
})

test('one file: no source is allowed, nothing is linked, and the style sheet is the one that is named', async () => {
  const { text } = await reportOf({ pivots: [{}] })
  const [, hash] = /style-src &#39;sha256-([^&]+)&#39;/.exec(text) ?? []
  const [, sheet] = /<style>([\s\S]*?)<\/style>/.exec(text) ?? []
  assert.equal(
    createHash('sha256')
      .update(sheet ?? '')
      .digest('base64'),
    hash,
  )
  assert.match(text, /default-src &#39;none&#39;/)
  assert.doesNotMatch(text, /\s(src|href|style)=/)
  assert.doesNotMatch(sheet ?? '', /url\(|@import/)
})

test('training: curves of the log, and the pass rates with their test', async () => {
  const folder = dirname(await runFolder({}))
  const log = join(folder, 'log.jsonl')
  await writeFile(
    log,
    '{"step":1,"loss":0.69,"accuracy":0.5}\n{"step":2,"loss":0.4,"accuracy":0.9}\n{"step":3,"lo',
  )
  const side = (right: number) => ({
    passed: { successes: right, trials: 100 },
    results: Array.from({ length: 100 }, (_, i) => ({ id: String(i), correct: i < right })),
  })
  const { text } = await reportOf(
    { pivots: [{}] },
    { log, evaluation: { before: side(40), after: side(60) } },
  )
  assert.match(text, /aria-label="Loss against step"/)
  assert.match(text, /aria-label="Accuracy against step"/)
  assert.match(text, /\.400 \[\.309, \.498\] before, \.600 \[\.502, \.691\] after, 100 problems/)
  assert.match(text, /McNemar test on the same problems, p = 1\.9e-6/)
  const { text: without } = await reportOf({ pivots: [{}] })
  assert.doesNotMatch(without, /Effect of training/)
})

test('the best traces are shown, one a problem', async () => {
  const pivots = Array.from({ length: 20 }, (_, i) => ({
    question_id: `q${i >> 1}`,
    trace_id: `t${i}`,
    prob_delta: i / 20,
  }))
  const { data } = await reportOf({ pivots })
  assert.deepEqual(
    data.traces.map(([{ trace_id: id }]) => id),
    ['t19', 't17', 't15', 't13', 't11', 't9'],
  )
})

test('the gate: a histogram of kept and dropped problems with the band, reasons, and rollouts saved', async () => {
  const pivots = Array.from({ length: 20 }, (_, i) => ({
    question_id: `q${i >> 1}`,
    trace_id: `t${i}`,
    pass_rate: 0.35,
  }))
  const measured = (id: string, stage: string, reason: string, rate: number) => ({
    ...{ id, stage, reason, row: JSON.stringify({ pass_rate: rate }) },
  })
  const removed = [
    measured('q97', 'teachable', 'too easy: pass rate over 0.8', 1),
    measured('q98', 'findPivotalTokens', 'no pivotal token', 0.75),
    measured('q99', 'teachable', 'too hard: pass rate under 0.2', 0.125),
    { id: 'old', stage: 'teachable', reason: 'too hard: pass rate under 0.2', row: '{}' },
  ]
  const stages = [{ name: 'teachable', options: { low: 0.2, high: 0.8 }, rows_in: 9, rows_out: 5 }]
  const pipeline = { name: 'quickstart', options: {}, config_sha256: '0'.repeat(64), stages }
  const counters = { gate_problems: 14, gate_rollouts: 210, gate_rollouts_saved: 686 }
  const { data, text } = await reportOf({ pivots, removed, change: { pipeline, counters } })
  assert.ok(data.gate !== null)
  assert.equal(data.gate.problems.filter(({ kept }) => kept).length, 11)
  assert.deepEqual(data.gate.dropped, [
    { reason: 'too easy', rows: 1 },
    { reason: 'too hard', rows: 2 },
  ])
  assert.match(text, /the band from \.20 to\s+\.80/)
  assert.match(text, /15\.0 a problem; 686 saved against 64 for each/)
  assert.equal(text.match(/stroke-dasharray/g)?.length, 2)
  // Ten kept problems reach the top; one dropped stands at the right height in the last tenth.
  assert.match(text, /class="inside"\s+x="207\.0"\s+width="52"\s+y="26\.0"\s+height="150\.0"/)
  assert.match(text, /class="outside"\s+x="555\.0"\s+width="52"\s+y="161\.0"\s+height="15\.0"/)
})

test('a run without pivotal tokens still has its report', async () => {
  const { text, data } = await reportOf({ change: { configs: {} } })
  assert.deepEqual(data.traces, [])
  assert.doesNotMatch(text, /NaN|undefined|Infinity/)
})

test('colours: direction and five strengths', () => {
  assert.deepEqual([-1, -0.21, 0.2, 0.21, 1].map(shade), ['down5', 'down2', 'up1', 'up2', 'up5'])
})
