import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { commands } from '../../src/cli/commands.ts'
import { parseFlags } from '../../src/cli/flags.ts'
import { loadPipeline } from '../../src/pipeline/load.ts'
import { say } from './say.ts'

const root = resolve(import.meta.dirname, '../..')
const folder = await mkdtemp(join(tmpdir(), 'fulcrum-readme-'))
after(() => rm(folder, { recursive: true }))

/** The command lines of README.md, each as its words. */
const lines = [...(await readFile(join(root, 'README.md'), 'utf8')).matchAll(/```sh\n([^]*?)```/g)]
  .flatMap(([, block = '']) => block.replaceAll(/\\\n/g, ' ').split('\n'))
  .map((line) =>
    line
      .replace(/\s#.*$/, '')
      .trim()
      .split(/\s+/),
  )
  .filter(([first, second]) => first === 'npx' && second === 'fulcrum')
  .map((words) => words.slice(2))

test('every command line of the README is one that the program understands', async () => {
  assert.ok(lines.length > 15, `${lines.length} lines`)
  for (const words of lines) {
    const length = commands[words.slice(0, 2).join(' ')] === undefined ? 1 : 2
    const command = await commands[words.slice(0, length).join(' ')]?.()
    assert.ok(command !== undefined, words.join(' '))
    const args = words.slice(length)
    const own = command.takesPipeline ? [(await loadPipeline(args[0] ?? '')).options] : []
    const names = command.positionals.map(({ name }) => name)
    parseFlags(args, [command.options, ...own], names)
  }
})

/** What stands in the README for the reader's files and models, and what there is here. */
const here: Readonly<Record<string, string>> = {
  'gsm8k_train.jsonl': join(folder, 'problems.jsonl'),
  'gsm8k_test.jsonl': join(root, 'datasets/arithmetic/contamination.jsonl'),
  'math-500': join(root, 'datasets/arithmetic/contamination.jsonl'),
  'http://localhost:8000/v1#big': join(root, 'datasets/models/teacher'),
  'http://localhost:8001/v1#small': join(root, 'datasets/models/student'),
  'models/small': join(root, 'datasets/models/student'),
}

/** Runs the line of the README that begins so. */
async function follow(...start: string[]): Promise<string> {
  const line = lines.find((words) => start.every((word, i) => words[i] === word))
  assert.ok(line !== undefined, `no line ${start.join(' ')}`)
  const words = line.map((word) => here[word] ?? word.replace(/^runs\//, `${folder}/`))
  return say(...words.map((word) => word.replace(/of-\d{5}\.parquet$/, 'of-00001.parquet')))
}

test('the way from problems to pairs that the README shows can be followed line by line', async () => {
  const problems = await readFile(join(root, 'datasets/arithmetic/problems.jsonl'), 'utf8')
  await writeFile(join(folder, 'problems.jsonl'), problems.split('\n').slice(0, 4).join('\n'))
  assert.match(await follow('plan', 'quickstart'), /^4 records in 1 shards/m)
  assert.match(await follow('run', 'quickstart'), /^dpo_pivotal +[1-9]/m)
  assert.match(await follow('verify'), /^\d+ of \d+ shards are as the manifest says/)
  assert.match(await follow('inspect'), /^chosen_ids +list<int32>/m)
  assert.match(await follow('refilter'), /^rows of pass_rates with a pass rate +\d/)
  await say('report', join(folder, 'mine'))
  assert.ok(existsSync(join(folder, 'mine/explorer.html')))
})

test('what the README lists is there to list', async () => {
  assert.match(await follow('pipelines'), /^quickstart +Problems/m)
  assert.match(await follow('benchmarks', 'list'), /^gsm8k /m)
})
