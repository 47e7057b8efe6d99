import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { commands } from '../../src/cli/commands.ts'
import { flagsOf, nearest, parseFlags } from '../../src/cli/flags.ts'
import { helpOf, overview } from '../../src/cli/help.ts'
import { duration } from '../../src/cli/progress.ts'
import { printable, table } from '../../src/cli/table.ts'
import slow from '../fixtures/pipelines/slow.ts'

const all = await Promise.all(
  Object.entries(commands).map(async ([name, load]) => [name, await load()] as const),
)

test('every command has help with its options, each with a meaning, and an example', () => {
  for (const [name, command] of all) {
    assert.equal(command.name, name)
    const help = helpOf(command)
    assert.match(help, /Usage: fulcrum /)
    assert.match(help, new RegExp(`Example: fulcrum ${name}`))
    for (const flag of flagsOf(command.options)) {
      assert.ok(help.includes(`--${flag.name}`))
      assert.notEqual(flag.meaning, '', `${name} --${flag.name} has no meaning`)
    }
    assert.ok(help.split('\n').every((line) => line.length < 160))
  }
})

test('the overview names every command', () => {
  const text = overview(
    all.map(([, command]) => command),
    '1.2.3',
  )
  for (const [name] of all) assert.match(text, new RegExp(`^ {2}${name} +\\w`, 'm'))
})

test('the examples parse', () => {
  for (const [name, command] of all) {
    if (command.takesPipeline) continue
    const args = command.example.split(' ').slice(1 + name.split(' ').length)
    parseFlags(
      args,
      [command.options],
      command.positionals.map((positional) => positional.name),
    )
  }
})

test('words behind a list belong to it where no positional could be meant', () => {
  const schema = z.object({ corpus: z.array(z.string()).default([]), json: z.boolean().default(false) })
  const args = ['--corpus', 'a', 'b', '--json', '--corpus', 'c']
  assert.deepEqual(parseFlags(args, [schema], []).options, [{ corpus: ['a', 'b', 'c'], json: true }])
  assert.deepEqual(parseFlags(['--corpus', 'a', 'b'], [schema], ['FILE']).positionals, ['b'])
  assert.throws(() => parseFlags(['--json', 'a'], [schema], []), /a is one too many/)
})

test('a pipeline file brings its options into the help, with defaults', () => {
  const run = all.find(([name]) => name === 'run')?.[1]
  assert.ok(run !== undefined)
  const help = helpOf(run, slow)
  assert.match(help, /Options of slow \(draws numbers, slowly\):/)
  assert.match(help, /--wait-ms NUMBER +longest wait of a call, ms \(default 4\)/)
  assert.match(help, /--problems TEXT +JSONL with problem and answer \(required\)/)
})

const schema = z.object({
  gateRollouts: z.int().min(2).default(16).describe('rollouts'),
  gap: z.number().optional().describe('gap'),
  against: z.array(z.string()).default(['x']).describe('files'),
  json: z.boolean().default(false).describe('json'),
  decay: z.enum(['cosine', 'linear']).default('cosine').describe('decay'),
})
const parse = (...args: string[]) => parseFlags(args, [schema], ['FILE'])

test('flags come out typed, with their defaults', () => {
  assert.deepEqual(parse('f').options[0], { gateRollouts: 16, against: ['x'], json: false, decay: 'cosine' })
  assert.deepEqual(
    parse('--gate-rollouts', '8', '--gap=-0.5', 'f', '--against', 'a', '--against', 'b', '--json').options[0],
    { gateRollouts: 8, gap: -0.5, against: ['a', 'b'], json: true, decay: 'cosine' },
  )
  assert.deepEqual(parse('f', '--gap', '-1').options[0]?.gap, -1)
  assert.deepEqual(parse('f', '--no-json').options[0]?.json, false)
  assert.deepEqual(parse('--', '--odd-name').positionals, ['--odd-name'])
})

test('what a schema refuses is said with the value', () => {
  const refused: [string[], RegExp][] = [
    [['f', '--gate-rollouts', '1'], /--gate-rollouts 1: .*>=2/],
    [['f', '--gap', ''], /--gap "": .*expected number/],
    [['f', '--decay', 'step'], /--decay "step": .*"cosine"\|"linear"/],
    [['f', '--json=yes'], /--json takes no value: yes/],
    [['f', '--gap', '--json'], /--gap wants a value/],
    [['f', 'g'], /g is one too many/],
    [[], /FILE is missing/],
    [['f', '-x'], /There is no option -x/],
  ]
  for (const [args, message] of refused) assert.throws(() => parse(...args), { code: 'config', message })
})

test('a mistyped name finds the one it meant, and a strange one none', () => {
  const names = ['samples', 'student', 'shard-rows']
  assert.equal(nearest('sample', names), 'samples')
  assert.equal(nearest('shard-row', names), 'shard-rows')
  assert.equal(nearest('zzzz', names), null)
})

test('tables line up and never print what a terminal would obey', () => {
  assert.equal(
    table([
      ['stage', 'rows'],
      ['a', 1234],
      ['long name', 5],
    ]),
    'stage      rows\na          1,234\nlong name      5',
  )
  assert.equal(printable('a\u001b[31mb\u202ec\n'), 'a·[31mb·c·')
  assert.equal(duration(3_725_000), '1:02:05')
})
