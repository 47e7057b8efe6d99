import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { localModel } from '../../src/model/local.ts'
import { misfit } from '../../src/record/columns.ts'
import { prm } from '../../src/record/prm.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { chainOf } from '../../src/stages/pivotal/search/chain.ts'
import type { SearchMode } from '../../src/stages/pivotal/search/result.ts'
import type { RolloutSource } from '../../src/stages/pivotal/search/source.ts'
import { searchTrace } from '../../src/stages/pivotal/search/search-trace.ts'
import { searchUnitsFirst } from '../../src/stages/pivotal/search/units-first.ts'
import { sentenceEnds } from '../../src/stages/pivotal/sentences.ts'
import { locate } from '../../src/store/bundled.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'
import { sourceOf } from '../bench/pivotal-truth/source.ts'
import { readTruth, rule, type TrueTrace, valueAt } from '../bench/pivotal-truth/truth.ts'
import { lastDigit, markovModel, tokenizer, valueOf } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'
import { plantedSource } from './planted-source.ts'
import type { World } from './toy-world.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }
// The policy writes `xxCxxCxD<end>`: each choice ends a step.
const common = { gap: 0.15, verifier: lastDigit, stepEnds: ['A', 'B'], ...sampler } as const

const trace = (completion: string) => ({
  id: 'p',
  problem: 'xy',
  answer: '1',
  trace_id: `p-${completion}`,
  completion,
  completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
  teacher_model: 'teacher',
  pass_rate: 0.4,
})

/** The planted policy, whose engine says that it can forbid first tokens or not. */
function policy(bannedFirst: boolean) {
  const plain = markovModel()
  return { ...plain, capabilities: { ...plain.capabilities, bannedFirst } }
}

interface Found {
  readonly position: number
  readonly unit_tokens: number
  readonly sentence_index: number
  readonly pivot_token: string
  readonly confirmed: boolean
  readonly prob_delta: number
  readonly delta_low: number
  readonly delta_high: number
  readonly estimator: string
  readonly entropy: number | null
  readonly is_greedy: boolean | null
  readonly chosen_token: string | null
  readonly rejected_token: string | null
}

/** Enough rollouts an estimate for the recursion to see both choices. */
const enough = (mode: SearchMode) => (mode === 'published' ? { mode, rollouts: 128 } : { mode })

/** Modes, and whether tokens can be forbidden: the published recursion never asks for it while it searches. */
const ways = [
  ['published', false],
  ['frugal', false],
  ['frugal', true],
  ['thorough', true],
] as const
const modes: readonly SearchMode[] = ['published', 'frugal', 'thorough']

test('steps end at sentence ends, line breaks and the texts that are named, and none is blank', () => {
  const steps = (stepEnds: readonly string[], text: string | readonly string[]): string[] => {
    const tokens = Array.from(text)
    let from = 0
    return sentenceEnds(tokens, stepEnds).map((end) => tokens.slice(from, (from = end)).join(''))
  }
  const sum = ['get', ' 4*7', '=28', ';', ' direct', 'ly 28+15=43', '; #', '### 43']
  assert.deepEqual(steps([';'], sum), ['get 4*7=28;', ' directly 28+15=43; #', '### 43'])
  assert.deepEqual(steps([], sum), [sum.join('')])
  assert.deepEqual(steps([';', ' => '], 'a; b => c.'), ['a;', ' b => ', 'c.'])
  assert.deepEqual(steps([], 'x=1\n\ny=2\n'), ['x=1\n\n', 'y=2\n'])
  assert.deepEqual(steps([';'], 'a; \n;b; '), ['a; \n', ';', 'b; '])
  assert.deepEqual(steps([';'], '\r\n a;'), ['\r\n a;'])
  assert.throws(
    () => findPivotalTokens({ student: markovModel(), ...common, stepEnds: [';', ''] }),
    /stepEnds/,
  )
})

test('the ends of steps are part of what decides a run', () => {
  const optionsOf = (stepEnds: readonly string[]) =>
    JSON.stringify(findPivotalTokens({ student: markovModel(), ...common, stepEnds }).options)
  assert.notEqual(optionsOf([';']), optionsOf([]))
})

test('each step of a trace has the true value at its end within its interval, in every mode', async () => {
  for (const [mode, forces] of ways) {
    const stage = findPivotalTokens({ student: policy(forces), ...common, mode })
    const { searched } = await pivotsOf(stage, ['xxAxxAx1', 'xxAxxBx0', 'xxBxxBx0'].map(trace))
    for (const searchedRow of searched) {
      const [row] = [...prm.rows(searchedRow as never)]
      assert.ok(row !== undefined)
      for (const [name, column] of Object.entries(prm.columns))
        assert.equal(misfit(row[name as keyof typeof row], column), null, name)
      assert.deepEqual(
        row.completions.map(({ length }) => length),
        [3, 3, 7],
        `${mode}: xxC xxC xD<end>`,
      )
      row.completions.forEach((_, i) => {
        const text = row.completions.slice(0, i + 1).join('')
        const [value, low, high] = [row.values[i] ?? NaN, row.values_low[i] ?? NaN, row.values_high[i] ?? NaN]
        const truth = valueOf(text.replace('<end>', ''))
        assert.ok(
          low <= truth + 0.05 && truth - 0.05 <= high,
          `${mode} ${forces} ${text}: ${low} ${truth} ${high}`,
        )
        assert.ok(low <= value && value <= high)
        assert.ok(Math.abs(value - truth) < 0.15, `${mode} ${forces} ${text}: ${value} for ${truth}`)
      })
    }
  }
})

const student = await localModel(locate('datasets/models/student'))
after(() => student.close())
const true6 = readTruth().traces[5] as TrueTrace

test('a trace of the shipped student has a step for each line of its work, with its true value', async () => {
  const { id, problem, answer, text, trace: ids } = true6
  const own = { id, problem, answer, trace_id: id, completion: text, completion_ids: ids }
  const options = { student, verifier: numericAnswer, gap: 0.2, stepEnds: [';'], ...rule }
  const stage = findPivotalTokens({ ...options, mode: 'thorough' })
  const { searched } = await pivotsOf(stage, [{ ...own, teacher_model: student.id }])
  const [row] = searched.flatMap((one) => [...prm.rows(one as never)])
  assert.deepEqual(row?.completions, [
    ' get 4*9=36;',
    ' stepwise 36+20=56+5=61;',
    ' directly 145-61=84;',
    ' #### 84<|end|>',
  ])
  const ends = searched[0]?.sentence_ends as readonly number[]
  row.values.forEach((value, i) => {
    assert.ok(Math.abs(value - valueAt(true6, ends[i] as number)) < 0.1, `${row.completions[i]}: ${value}`)
  })
})

test('sentences are searched first, and then the tokens inside those that may be pivotal, down to their pairs', async () => {
  for (const [mode, forces] of ways) {
    const stage = findPivotalTokens({
      student: policy(forces),
      ...common,
      ...enough(mode),
      unit: 'sentence',
    })
    const { kept, searched, counters } = await pivotsOf(stage, [trace('xxAxxAx1')])
    const found = kept as unknown as readonly Found[]
    const sentences = found.filter(({ unit_tokens: tokens }) => tokens > 1)
    const tokens = found.filter(({ unit_tokens: only }) => only === 1)
    assert.deepEqual(
      sentences.map((row) => [row.position, row.unit_tokens, row.sentence_index, row.pivot_token]),
      [
        [0, 3, 0, 'xxA'],
        [3, 3, 1, 'xxA'],
      ],
      mode,
    )
    for (const { estimator, chosen_token: chosen, entropy, is_greedy: greedy } of sentences)
      assert.deepEqual(
        [estimator, chosen, entropy, greedy],
        [`${mode}, whole sentence, stratified`, null, null, null],
      )
    assert.deepEqual(
      tokens.map((row) => [
        row.position,
        row.sentence_index,
        row.chosen_token,
        row.rejected_token,
        row.estimator,
      ]),
      [
        [2, 0, 'A', 'B', `${mode}, sentences first, stratified`],
        [5, 1, 'A', 'B', `${mode}, sentences first, stratified`],
      ],
      mode,
    )
    for (const { position, unit_tokens: width, delta_low: low, delta_high: high } of found) {
      const change = valueOf('xxAxxAx1'.slice(0, position + width)) - valueOf('xxAxxAx1'.slice(0, position))
      assert.ok(
        low - 1e-9 <= change && change - 1e-9 <= high,
        `${mode} ${position}: ${low} ${change} ${high}`,
      )
    }
    const bill = searched[0]?.spent as Readonly<Record<string, number>>
    const { search_rollouts: search = 0, confirm_rollouts: confirm = 0, pair_rollouts: pair = 0 } = bill
    assert.equal(search + confirm + pair, counters.student_rollouts, 'what both passes cost is counted once')
    // Both changes of .33 and .24 count, as tokens; their sentences are the same changes.
    const change = tokens.reduce((sum, { prob_delta: delta }) => sum + delta ** 2, 0)
    assert.ok(Math.abs((searched[0]?.squared_change as number) - change) < 1e-9)
    assert.equal(counters.trace_tokens_pruned, 7)
  }
})

test('a cap holds for both passes together', async () => {
  for (const traceRollouts of [8, 16, 40, 100, 250]) {
    const stage = findPivotalTokens({
      ...{ student: policy(false), ...common, mode: 'thorough', unit: 'sentence', traceRollouts },
    })
    const { searched, counters } = await pivotsOf(stage, [trace('xxAxxAx1')])
    assert.ok((counters.student_rollouts ?? 0) <= traceRollouts)
    assert.equal((searched[0]?.spent as { stopped_by: string }).stopped_by, 'max rollouts')
  }
})

/** Nine tokens of probability .5; the fifth raises V by .35, and the rest changes nothing. */
const planted: World = {
  logprobs: Array.from({ length: 9 }, () => Math.log(0.5)),
  values: [0.45, 0.45, 0.45, 0.45, 0.45, 0.8, 0.8, 0.8, 0.8, 0.8],
  others: [0.45, 0.45, 0.45, 0.45, 0.1, 0.8, 0.8, 0.8, 0.8],
}
const inThrees = { logprobs: planted.logprobs, correct: null, units: [3, 6, 9] }

test('what was not proposed stays closed, and no link reaches over what was drawn as one', async () => {
  const opened = chainOf({ ...inThrees, opened: [3] }, 0.2)
  assert.deepEqual(
    opened.map(({ start, end, candidate }) => [start, end, candidate]),
    [
      [0, 3, false],
      [3, 4, true],
      [4, 5, true],
      [5, 6, true],
      [6, 9, false],
      [9, 10, false],
    ],
  )
  const sure = [...planted.logprobs].fill(Math.log(0.95), 1, 8)
  const seams = chainOf({ ...inThrees, logprobs: sure, opened: [0, 3, 6] }, 0.2)
  assert.deepEqual(
    seams.map(({ start }) => start),
    [0, 1, 3, 6, 8, 9],
  )
  for (const mode of modes) {
    const source = plantedSource(planted, true, 'opened')
    const { pivots } = await searchUnitsFirst(inThrees, source, { ...enough(mode), gap: 0.2, q: 0.1 })
    const confirmed = pivots.filter((pivot) => pivot.confirmed).map(({ position, end }) => [position, end])
    assert.deepEqual(confirmed, [[3, 6], [4, 5]], mode) // prettier-ignore
  }
})

test('tokens are tested on rollouts of the second pass alone, however much the first pass saw', async () => {
  // Only tokens can be forbidden: from the first forced test on, every rollout is right, and nothing changes anything any more.
  const source = plantedSource(planted, true, 'fresh')
  let second = false
  const turning: RolloutSource = {
    canForce: true,
    draw: async (ask) => {
      second ||= ask.purpose === 'confirm' && ask.forced
      const drawn = await source.draw(ask)
      return second ? drawn.map((rollout) => ({ ...rollout, correct: true })) : drawn
    },
  }
  const { pivots } = await searchUnitsFirst(inThrees, turning, { mode: 'thorough', gap: 0.2, q: 0.1 })
  const [sentence, ...tokens] = pivots
  assert.deepEqual([sentence?.end, sentence?.confirmed], [6, true])
  const token = tokens.find(({ position, end }) => position === 4 && end === 5)
  assert.ok((token?.search.delta ?? 0) > 0.2, 'the search knows it from the first pass')
  assert.deepEqual([token?.fresh.delta, token?.confirmed], [0, false])
})

test('what a pass is told of the one before comes to the same values, for each draw is told by what was known then', async () => {
  const { logprobs, correct } = true6
  const options = { mode: 'thorough', gap: 0.2, q: 0.1 } as const
  const source = sourceOf(student, true6, { canForce: true, canBranch: true })
  const units = chainOf({ logprobs, correct }, options.gap)
    .slice(0, -1)
    .map(({ end }) => end)
  const first = await searchTrace({ logprobs, correct, units }, source, options)
  assert.ok(first.batches.flat().some(({ branch }) => branch?.unseen === true) && first.pivots.length > 0)
  const furthest = async (drawn: typeof first.batches): Promise<number> => {
    const told = { logprobs, correct, units, opened: [], drawn }
    const { values, pivots } = await searchTrace(told, source, { ...options, maxRollouts: 0 })
    assert.equal(pivots.length, 0)
    return Math.max(...values.map(({ value }, node) => Math.abs(value - (first.values[node]?.value ?? NaN))))
  }
  assert.ok((await furthest(first.batches)) < 1e-6)
  assert.ok((await furthest([first.batches.flat()])) > 1e-4, 'all at once they would be told wrong')
})
