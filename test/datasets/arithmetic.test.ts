import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { arithmeticFiles, planted, problemFiles } from '../../datasets/arithmetic/files.ts'
import { makeProblem, problemsOf, resultOf, writeTrace } from '../../datasets/arithmetic/generate.ts'
import { recipes } from '../../datasets/arithmetic/model.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'

const folder = join(import.meta.dirname, '..', '..', 'datasets', 'arithmetic')
const some = Array.from({ length: 3000 }, (_, index) => makeProblem(7, index))

/** What a solver that reads nothing but the text makes of a trace: every `a?b=c` in it, right or wrong. */
function wrongSteps(trace: string): string[] {
  return trace.split(';').flatMap((step) => {
    const parts = (step.split(' ').at(-1) as string).split('=')
    return parts.slice(0, -1).filter((part, i) => {
      const [, left, sign, right] = /^(-?\d+)([-+*])(\d+)$/.exec(part) ?? []
      const [a, b] = [Number(left), Number(right)]
      const result = sign === '+' ? a + b : sign === '-' ? a - b : a * b
      return !new RegExp(`^${result}(?!\\d)`).test(parts[i + 1] ?? '')
    })
  })
}

void describe('arithmetic problems', () => {
  void it('are the same for the same seed and index, and others for another seed', () => {
    assert.deepEqual(makeProblem(3, 5), makeProblem(3, 5))
    assert.notEqual(makeProblem(3, 5).problem, makeProblem(4, 5).problem)
  })

  void it('have whole results from 1 to 199 in every step, and the last is the answer', () => {
    for (const { steps, answer } of some) {
      for (const step of steps) assert.ok(resultOf(step) >= 1 && resultOf(step) <= 199)
      assert.equal(answer, String(resultOf(steps.at(-1) as (typeof steps)[number])))
    }
  })

  void it('come from every family and split', () => {
    assert.equal(new Set(some.map(({ family }) => family)).size, 4)
    assert.equal(new Set(some.map(({ split }) => split)).size, 3)
  })

  void it('name every number of their steps that is not a result', () => {
    for (const { problem, steps } of some) {
      const said = new Set(problem.match(/\d+/g)?.map(Number))
      const known = new Set(steps.map(resultOf))
      for (const { left, right } of steps) {
        assert.ok(said.has(left) || known.has(left), problem)
        assert.ok(said.has(right) || known.has(right), problem)
      }
    }
  })
})

void describe('splits', () => {
  void it('share no text and no combination of operations and numbers, whatever the family', () => {
    const owner = new Map<string, string>()
    for (let index = 0; index < 30_000; index++) {
      const { problem, steps, split } = makeProblem(1, index)
      for (const key of [problem, JSON.stringify(steps)]) {
        assert.equal(owner.get(key) ?? split, split, key)
        owner.set(key, split)
      }
    }
  })

  void it('keep the held-out file apart from what the models were taught', () => {
    const taught = new Set<string>()
    for (const { seed } of Object.values(recipes)) {
      for (const { problem, steps } of problemsOf('train', seed, 16_000)) taught.add(problem).add(JSON.stringify(steps))
    }
    for (const { problem, steps } of problemsOf('held-out', 300, 1000)) {
      assert.ok(!taught.has(problem) && !taught.has(JSON.stringify(steps)), problem)
    }
  })
})

void describe('traces', () => {
  void it('without slips are right in every step and end in the answer', () => {
    for (const problem of some) {
      const trace = writeTrace(problem, { stepwise: 0.5, slips: 0 }, rngFor(1, problem.id))
      assert.deepEqual(wrongSteps(trace), [], trace)
      assert.equal(numericAnswer.verify(trace, problem.answer).verdict, 'equal', trace)
    }
  })

  void it('slip in direct steps only, and go on with the wrong number', () => {
    for (const problem of some.slice(0, 1000)) {
      const trace = writeTrace(problem, { stepwise: 0.5, slips: 1 }, rngFor(1, problem.id))
      const steps = trace.split(';').slice(0, -1)
      for (const step of steps) assert.equal(wrongSteps(`${step};`).length, step.startsWith(' directly') ? 1 : 0, trace)
      assert.ok(trace.endsWith(`=${/#### (-?\d+)$/.exec(trace)?.[1]}; ${/#### -?\d+$/.exec(trace)?.[0]}`), trace)
    }
  })

  void it('are written stepwise as often as asked', () => {
    const words = some.flatMap((problem) =>
      [...writeTrace(problem, { stepwise: 0.3, slips: 0 }, rngFor(2, problem.id)).matchAll(/ (stepwise|directly) /g)].map(
        ([, word]) => word,
      ),
    )
    const share = words.filter((word) => word === 'stepwise').length / words.length
    assert.ok(Math.abs(share - 0.3) < 0.03, String(share))
  })
})

void describe('the files of datasets/arithmetic', () => {
  void it('are what make.ts writes', async () => {
    for (const [name, text] of arithmeticFiles()) assert.equal(await readFile(join(folder, name), 'utf8'), text, name)
  })

  void it('hold as many different problems as they say', async () => {
    for (const { name, count } of problemFiles) {
      const rows = (await readFile(join(folder, name), 'utf8')).trim().split('\n')
      assert.equal(new Set(rows.map((row) => (JSON.parse(row) as { problem: string }).problem)).size, count)
    }
  })

  void it('plant exactly the leaks they declare', async () => {
    const read = async <T>(name: string): Promise<T[]> =>
      (await readFile(join(folder, name), 'utf8')).trim().split('\n').map((line) => JSON.parse(line) as T)
    const problems = await read<{ id: string; problem: string }>('problems.jsonl')
    const items = await read<{ question: string; planted: string }>('contamination.jsonl')
    const plain = (text: string): string => ` ${text.toLowerCase().match(/[a-z0-9]+/g)?.join(' ') ?? ''} `
    const leaked = items.filter(({ question }) => problems.some(({ problem }) => plain(question).includes(plain(problem))))
    assert.equal(leaked.length, planted.verbatim + planted.reworded)
    for (const { planted } of leaked) assert.match(planted, /^(verbatim|reworded) /)
    assert.equal(items.length, leaked.length + planted.unrelated)
  })
})
