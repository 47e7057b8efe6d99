import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { z } from 'zod'
import { scriptedModel } from '../../../src/model/scripted.ts'
import { col } from '../../../src/record/columns.ts'
import { ask } from '../../../src/stages/compose/ask.ts'
import { jsonReply, textReply } from '../../../src/stages/compose/reply.ts'
import { revise } from '../../../src/stages/compose/revise.ts'
import { seedFor } from '../../../src/statistics/random.ts'
import { runStage } from '../run-stage.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-ask-'))
after(() => rm(folder, { recursive: true, force: true }))
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}
const prompt = await file('prompt.md', '<!-- user -->\nAbout {{text}}, {{most}} at most.')

const sampler = { temperature: 0.7, topP: 1, topK: 0, maxTokens: 50 }
const needs = { id: col.string('id'), text: col.string('text') }
const rows = [
  { id: 'a', text: 'one' },
  { id: 'b', text: 'two' },
]
const stage = (complete: Parameters<typeof scriptedModel>[0]['complete'], tries?: number) => {
  const model = scriptedModel({ complete })
  const of = ask({
    ...{ ...sampler, model, needs, prompt, name: 'count', key: 'id' as const, settings: { most: 2 } },
    ...(tries !== undefined && { tries }),
    adds: { n: col.int32('number') },
    reply: jsonReply(z.object({ n: z.array(z.int()) })),
    check: ({ n }, { text }) => (n.includes(13) ? `13 of ${text}` : null),
    empty: 'no number',
    concurrency: 1,
    each: ({ n }) => n.map((one) => ({ n: one })),
  })
  return { model, of }
}

test('a reply becomes rows, one that cannot be read is asked for again under a key of its own', async () => {
  const { model, of } = stage([
    '?',
    '{"n": [1, 2]}',
    '{"n": [13]}',
    { text: '{"n": [3]}', finishReason: 'length' },
    '{"n": []}',
  ])
  const { kept, dropped, counters } = await runStage(of, rows, 5)
  assert.deepEqual(
    kept.map(({ id, n }) => [id, n]),
    [
      ['a', 1],
      ['a', 2],
    ],
  )
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.id, reason]),
    [['b', 'no number']],
  )
  assert.deepEqual(
    model.calls.map(({ options }) => options.seed),
    ['a', 'a', 'b', 'b', 'b'].map((id, i) => seedFor(5, 'count', id, i < 2 ? i : i - 2)),
  )
  assert.equal(counters['questions asked again'], 3)
})

test('after the last try the row is dropped with the reason', async () => {
  const reasons = async (...answers: Parameters<typeof stage>[0][]) =>
    Promise.all(
      answers.map(async (complete) => {
        const { of } = stage(complete, 2)
        return (await runStage(of, rows.slice(0, 1))).dropped.map(({ reason }) => reason)
      }),
    )
  assert.deepEqual(
    await reasons(
      () => 'no',
      () => '{"n": [13]}',
      () => ({ text: '{"n": [1]}', finishReason: 'length' }),
    ),
    [
      ['reply not readable: no JSON in the answer'],
      ['reply not readable: 13 of one'],
      ['reply not readable: cut off at the token limit'],
    ],
  )
})

test('the prompt, its settings and the form of the reply are part of the identity', async () => {
  const { of } = stage([])
  const text = JSON.stringify(of.options)
  for (const part of ['"most":2', '"tries":3', 'json/1', '"prompts":["']) assert.ok(text.includes(part), part)
  const before = of.options
  await file('prompt.md', '<!-- user -->\nAbout {{text}}, {{most}} at the most.')
  assert.notDeepEqual(stage([]).of.options, before)
})

test('a placeholder that no column and no setting fills is refused at once', async () => {
  const strange = await file('strange.md', '<!-- user -->\n{{text}} {{answer}}')
  assert.throws(
    () =>
      ask({
        ...{ ...sampler, model: scriptedModel({ complete: [] }), needs, adds: {}, prompt: strange },
        ...{ name: 'x', key: 'id' as const, reply: textReply, each: () => [{}] },
      }),
    { code: 'config', message: /stage x has \{\{answer\}\}, which the stage does not give/ },
  )
})

test('of a draft and its revisions the best scored stays, even if a later one is worse', async () => {
  const critique = await file('critique.md', '<!-- user -->\nScore {{draft}} by {{criteria}}.')
  const revision = await file('revision.md', '<!-- user -->\nMend {{draft}} by {{critique}}.')
  const scored = (good: number, clear: number) =>
    JSON.stringify({ scores: { good, clear }, critique: `c${good}` })
  const run = (...complete: string[]) =>
    runStage(
      revise({
        ...{ ...sampler, model: scriptedModel({ complete }), name: 'revise', needs, tries: 1 },
        ...{
          key: 'id' as const,
          draft: 'text' as const,
          critique,
          revision,
          rubric: ['good', 'clear'],
          reply: textReply,
        },
        ...{ rounds: 2, stopAt: 9, least: 5 },
      }),
      rows.slice(0, 1),
    )
  const better = await run(scored(2, 4), 'second', scored(6, 8), 'third', scored(5, 5))
  const columns = {
    revised: 'second',
    revision_rounds: 2,
    draft_score: 3,
    revised_score: 7,
    critiques: ['c2', 'c6', 'c5'],
  }
  assert.deepEqual(better.kept, [{ id: 'a', text: 'one', ...columns }])
  const atOnce = await run(scored(9, 9))
  assert.deepEqual([atOnce.kept[0]?.revised, atOnce.kept[0]?.revision_rounds], ['one', 0])
  const reasons = [
    await run(scored(4, 4), 'x', scored(4, 4), 'y', scored(1, 1)),
    await run('{"scores": {"good": 11}}'),
  ]
  assert.deepEqual(
    reasons.map(({ dropped }) => dropped[0]?.reason.split(',')[0]),
    ['scores under 5: 4.0', 'critique not readable: the JSON does not fit'],
  )
  const unread = await run(scored(6, 6), 'second', 'no scores')
  assert.deepEqual(
    [unread.kept[0]?.revised, unread.kept[0]?.revised_score],
    ['one', 6],
    'unscored texts do not stay',
  )
})
