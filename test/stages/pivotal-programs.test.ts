import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Tokenizer } from '../../src/model/model.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { choiceAnswer } from '../../src/verify/choice.ts'
import { codeAnswer } from '../../src/verify/code/code-answer.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { skipPython } from '../verify/code-setup.ts'
import { pivotsOf } from './pivots-of.ts'
import { fill, type Template, templatePolicy, trueChanges } from './template-policy.ts'
import { bracketDepth, digitSteps, ferryTrips, largestFraction, longestClimb } from './templates.ts'

const gap = 0.2
interface Found {
  readonly trace_id: string
  readonly position: number
  readonly pivot_token: string
  readonly prob_delta: number
  readonly delta_low: number
  readonly delta_high: number
  readonly confirmed: boolean
  readonly chosen_token: string | null
  readonly rejected_token: string | null
}

/** Searches the traces that take `picks`, and checks what is confirmed against the truth. Returns, a trace, each pivotal token as
 *  `chosen over rejected`, with how often the verifier was asked. */
async function searched(
  verifier: Verifier,
  traces: readonly (readonly [template: Template, picks: readonly string[]])[],
): Promise<{ readonly found: readonly string[][]; readonly asked: number }> {
  let asked = 0
  const verdicts = new Map<string, ReturnType<Verifier['verify']>>()
  const once: Verifier = {
    id: verifier.id,
    verify: (completion, answer, problem) => {
      const verdict = verdicts.get(completion) ?? verifier.verify(completion, answer, problem)
      verdicts.set(completion, verdict)
      return verdict
    },
  }
  const counting: Verifier = {
    id: verifier.id,
    verify: (...of) => {
      asked++
      return once.verify(...of)
    },
  }
  const student = templatePolicy([...new Set(traces.map(([template]) => template))])
  const rows = traces.map(([template, picks], i) => {
    const tokens = fill(template, picks)
    const whole = tokens.map((token) => idOf(student.tokenizer, token))
    const { problem, answer } = template
    const completion = tokens.slice(0, -1).join('')
    return {
      ...{ id: problem, problem, answer, trace_id: String(i), completion, completion_ids: whole },
      teacher_model: 'teacher',
    }
  })
  const stage = findPivotalTokens({
    ...{ student, verifier: counting, mode: 'thorough', gap, task: 'code' },
    ...{ temperature: 1, topP: 1, topK: 0, maxTokens: 32 },
  })
  const { kept } = await pivotsOf(stage, rows)
  const confirmed = (kept as unknown as readonly Found[]).filter((pivot) => pivot.confirmed)
  const found: string[][] = []
  for (const [i, [template, picks]] of traces.entries()) {
    const changes = await trueChanges(template, fill(template, picks), once)
    const here = confirmed.filter((pivot) => pivot.trace_id === String(i))
    const planted = changes.flatMap((change, at) => (Math.abs(change) >= gap ? [at] : []))
    assert.deepEqual(
      here.map(({ position }) => position),
      planted,
      `trace ${i} changes by ${changes.map((change) => change.toFixed(2)).join(' ')}`,
    )
    for (const { position, delta_low: low, delta_high: high } of here)
      assert.ok(low <= (changes[position] as number) + 1e-9 && (changes[position] as number) <= high + 1e-9)
    found.push(here.map((pivot) => `${pivot.chosen_token} over ${pivot.rejected_token}`))
  }
  return { found, asked }
}

function idOf(tokenizer: Tokenizer, token: string): number {
  for (let id = 0; id < tokenizer.vocabularySize; id++) if (tokenizer.decode([id]) === token) return id
  throw new Error(`no token ${token}`)
}

test('unit tests in QuickJS say which tokens of a program are pivotal, and each program is run once', async () => {
  const verifier = await codeAnswer({ languages: ['javascript'], concurrency: 2 })
  try {
    const { found, asked } = await searched(verifier, [
      [ferryTrips, ['ceil']],
      [ferryTrips, ['floor', ' + (cars % places > 0 ? 1 : 0), 0)']],
      [ferryTrips, ['round']],
      [bracketDepth, ['<']],
      [bracketDepth, ['<=']],
    ])
    assert.deepEqual(found, [
      ['ceil over round'],
      [' + (cars % places > 0 ? 1 : 0), 0) over , 0)'],
      ['ceil over round'],
      ['< over <=', 'depth === 0 ? most : -1 over most'],
      ['< over <='],
    ])
    assert.ok(asked <= 6 + 8, `${asked} programs run of 14 that can be written`)
  } finally {
    await verifier.close?.()
  }
})

describe('unit tests of Python programs in bubblewrap', { skip: skipPython }, () => {
  let verifier: Verifier
  before(async () => {
    verifier = await codeAnswer({ languages: ['python'], concurrency: 2 })
  })
  after(() => verifier.close?.())

  test('tell slips from base cases that are mostly right and from two right ways to say it', async () => {
    const { found, asked } = await searched(verifier, [
      [longestClimb, []],
      [longestClimb, ['>=']],
      [digitSteps, ['>= 10']],
    ])
    assert.deepEqual(found, [['> over >=', '1 over run'], ['> over >='], ['1 over 0']])
    assert.ok(asked <= 8 + 6, `${asked} programs run of 14 that can be written`)
  })
})

test('multiple choice: the step that decides the letter is pivotal, the letter that follows from it is not', async () => {
  const { found } = await searched(choiceAnswer, [
    [largestFraction, ['28', 'A']],
    [largestFraction, ['32', 'C']],
    [largestFraction, ['32', 'A']],
  ])
  assert.deepEqual(found, [['28 over 32'], ['28 over 32'], ['28 over 32', 'A over C']])
})
