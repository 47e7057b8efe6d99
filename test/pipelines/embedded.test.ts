import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { numericAnswer } from '../../src/verify/verifier.ts'
import { rowsFile, runRecipe } from './recipe-run.ts'

// The recipes that the models and problems that ship are enough for, on a few problems.

const root = resolve(import.meta.dirname, '../..')
const few = (await readFile(resolve(root, 'datasets/arithmetic/problems.jsonl'), 'utf8'))
  .split('\n')
  .slice(0, 6)
const problems = await rowsFile(
  'arithmetic.jsonl',
  few.map((line) => JSON.parse(line) as object),
)
const student = resolve(root, 'datasets/models/student')
const teacher = resolve(root, 'datasets/models/teacher')
const benchmark = resolve(root, 'datasets/arithmetic/contamination.jsonl')
const embedded = { problems, student, against: [benchmark] }
const answers = new Map(
  few.map((line) => JSON.parse(line) as { id: string; answer: string }).map(({ id, answer }) => [id, answer]),
)

interface Turn {
  readonly role: string
  readonly content: string
}

test('rollout-dpo pairs right and wrong rollouts of the student that ships', async () => {
  const { rows } = await runRecipe('rollout-dpo', { ...embedded, template: student, rollouts: 6 })
  const pairs = await rows('dpo_full')
  assert.ok(pairs.length >= 3, `${pairs.length} pairs`)
  for (const { chosen, rejected, answer } of pairs) {
    const verdicts = [chosen, rejected].map((side) => {
      const [question, reply] = side as [Turn, Turn]
      assert.deepEqual([question.role, reply.role], ['user', 'assistant'])
      return numericAnswer.verify(reply.content, String(answer)).verdict
    })
    assert.deepEqual(verdicts, ['equal', 'different'])
  }
})

test('grpo-prompts keeps problems in the band whose rollouts are of like length', async () => {
  const { rows } = await runRecipe('grpo-prompts', { ...embedded, rollouts: 8 })
  const prompts = await rows('grpo')
  assert.ok(prompts.length >= 1)
  for (const { prompt, pass_rate: rate, question_id: id, answer } of prompts) {
    assert.equal((prompt as Turn[]).at(-1)?.role, 'user')
    assert.ok((rate as number) >= 0.2 && (rate as number) <= 0.8)
    assert.equal(answer, answers.get(String(id)))
  }
})

test('reasoning-sft takes right traces of the teacher that ships, which does not think', async () => {
  const options = {
    ...embedded,
    teacher,
    thinking: 'optional',
    system: false,
    samples: 2,
    rollouts: 8,
    traces: 1,
  }
  const { rows, manifest } = await runRecipe('reasoning-sft', {
    ...options,
    template: student,
    maxTokens: 96,
  })
  const traces = await rows('sft')
  assert.ok(traces.length >= 3)
  for (const { messages, answer } of traces) {
    const { content = '' } = (messages as Turn[]).at(-1) ?? {}
    assert.equal(numericAnswer.verify(content, String(answer)).verdict, 'equal')
  }
  assert.equal(manifest.configs.sft_text?.rows, traces.length)
})
