import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { fulcrum } from './command.ts'

// SFT, pivotal DPO and GRPO on a handful of problems: that the stages follow on each other, not that they help.

const datasets = resolve(import.meta.dirname, '../../datasets/arithmetic')
const folder = await mkdtemp(join(tmpdir(), 'fulcrum-e2e-recipe-'))
after(() => rm(folder, { recursive: true, force: true }))

interface Recipe {
  readonly stages: readonly {
    readonly stage: string
    readonly model: string
    readonly sampled: { passed: { successes: number; trials: number } }
    readonly p_value_against_previous: number | null
  }[]
}

test('the recipe trains three stages on each other and measures after each', async () => {
  const few = (await readFile(join(datasets, 'problems.jsonl'), 'utf8')).split('\n').slice(0, 8)
  await writeFile(join(folder, 'problems.jsonl'), `${few.join('\n')}\n`)
  const args = [
    'recipe',
    '--out',
    'recipe',
    '--problems',
    'problems.jsonl',
    '--steps',
    '1',
    '--steps',
    '2',
  ].concat(['--measure-on', join(datasets, 'development.jsonl'), '--most', '12'])
  const run = await fulcrum(args, folder)
  assert.equal(run.code, 0, run.stderr)
  const { stages } = JSON.parse(await readFile(join(folder, 'recipe/recipe.json'), 'utf8')) as Recipe
  const names = ['student', 'SFT', 'pivotal DPO', 'GRPO, 1 steps', 'GRPO, 2 steps']
  assert.deepEqual(
    stages.map(({ stage }) => stage),
    names,
  )
  for (const name of names) assert.match(run.stdout, new RegExp(`^${name} +\\d\\.\\d{3}  `, 'm'))
  assert.equal(
    new Set(stages.map(({ model }) => model.split('@')[1])).size,
    5,
    'every stage has its own weights',
  )
  for (const { sampled } of stages) assert.equal(sampled.passed.trials, 12)
  assert.equal(stages[0]?.p_value_against_previous, null)
})
