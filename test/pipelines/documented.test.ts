import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { commands } from '../../src/cli/commands.ts'
import { parseFlags } from '../../src/cli/flags.ts'
import { bundledPipelines, loadPipeline } from '../../src/pipeline/load.ts'
import { say } from '../cli/say.ts'

const page = await readFile(resolve(import.meta.dirname, '../../docs/recipes.md'), 'utf8')

/** Parses a command line as the command itself would, and gives the pipeline it names. */
async function parsed(line: string): Promise<string | null> {
  const [program, name = '', ...args] = line.replaceAll('\\\n', ' ').trim().split(/\s+/)
  assert.equal(program, 'fulcrum', line)
  const command = await commands[name]?.()
  assert.ok(command !== undefined, line)
  const definition = command.takesPipeline ? await loadPipeline(args[0] ?? '') : null
  const schemas = [command.options, ...(definition === null ? [] : [definition.options])]
  parseFlags(
    args,
    schemas,
    command.positionals.map((positional) => positional.name),
  )
  return definition?.name ?? null
}

test('every pipeline that ships has a section whose command it understands, and an example of its own', async () => {
  const sections = page.split(/^## /m).slice(1)
  for (const name of bundledPipelines()) {
    const section = sections.find((text) => text.startsWith(`${name}\n`))
    const [, line = ''] = /```sh\n([^]*?)```/.exec(section ?? '') ?? []
    assert.equal(await parsed(line), name)
    const { example, description, options } = await loadPipeline(name)
    assert.ok(description.length < 130, `${name} is described on one line`)
    assert.equal(await parsed(example ?? ''), name)
    for (const [option, schema] of Object.entries(options.shape))
      assert.ok((schema as { description?: string }).description, `${name}: ${option} has a meaning`)
  }
  for (const [, line = ''] of page.matchAll(/```sh\n([^]*?)```/g)) await parsed(line)
})

test('fulcrum pipelines lists them, and help of one shows its options and its example', async () => {
  const [list, help, json] = [
    await say('pipelines'),
    await say('run', 'rollout-dpo', '--help'),
    await say('pipelines', '--json'),
  ]
  for (const name of bundledPipelines()) assert.match(list, new RegExp(`^${name} +\\w`, 'm'))
  assert.match(
    help,
    /Options of rollout-dpo \(Problems -> rollouts[^]*--pairs NUMBER[^]*Example: fulcrum run rollout-dpo --/,
  )
  assert.deepEqual(
    (JSON.parse(json) as { name: string }[]).map(({ name }) => name),
    bundledPipelines(),
  )
})
