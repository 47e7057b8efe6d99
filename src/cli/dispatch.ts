import { FulcrumError } from '../errors.ts'
import { loadPipeline } from '../pipeline/load.ts'
import { packageVersion } from '../store/bundled.ts'
import type { Command, ExitCode, Terminal } from './command.ts'
import { commands } from './commands.ts'
import { nearest, parseFlags } from './flags.ts'
import { helpOf, overview } from './help.ts'

/** Finds the command that the arguments name, and runs it or prints its help. */
export async function dispatch(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [first = 'help'] = args
  const asksHelp = args.some((arg) => arg === '--help' || arg === '-h')
  if (first === '--version' || first === '-v') return say(await packageVersion(), terminal)
  const words = ['help', '--help', '-h'].includes(first) ? args.slice(1) : args
  if (words.length === 0 || (words.length === 1 && words[0]?.startsWith('-') === true && asksHelp)) {
    const all = await Promise.all(Object.values(commands).map((load) => load()))
    return say(overview(all, await packageVersion()), terminal)
  }
  const { command, rest } = await find(words)
  if (words !== args || asksHelp) return say(await helpFor(command, rest), terminal)
  return run(command, rest, terminal)
}

function say(text: string, terminal: Terminal): ExitCode {
  terminal.print(text)
  return 0
}

async function find(words: readonly string[]): Promise<{ command: Command; rest: readonly string[] }> {
  for (const length of [2, 1]) {
    const load = commands[words.slice(0, length).join(' ')]
    if (load !== undefined) return { command: await load(), rest: words.slice(length) }
  }
  const [word = ''] = words
  const names = Object.keys(commands)
  const more = names.filter((name) => name.startsWith(`${word} `))
  const near = nearest(word, names)
  throw new FulcrumError(
    'config',
    more.length > 0 ? `${word} what?` : `There is no command ${word}`,
    more.length > 0
      ? `Give one of ${more.join(', ')}.`
      : `${near === null ? '' : `Did you mean ${near}? `}fulcrum help lists the commands.`,
  )
}

async function helpFor(command: Command, rest: readonly string[]): Promise<string> {
  const named = rest.find((word) => !word.startsWith('-'))
  return helpOf(command, command.takesPipeline && named !== undefined ? await loadPipeline(named) : null)
}

async function run(command: Command, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const names = command.positionals.map(({ name }) => name)
  const hint = `fulcrum help ${command.name} lists the options.`
  if (!command.takesPipeline) {
    const { options, positionals } = hinted(hint, () => parseFlags(args, [command.options], names))
    return command.run({ options: options[0] ?? {}, positionals, pipeline: null }, terminal)
  }
  const [path = '-'] = args
  if (path.startsWith('-')) {
    throw new FulcrumError('config', 'PIPELINE is missing', `Name it first: ${command.example}`)
  }
  const definition = await loadPipeline(path)
  const taken = Object.keys(definition.options.shape).filter((key) => key in command.options.shape)
  if (taken.length > 0) {
    throw new FulcrumError(
      'config',
      `${path} has options that fulcrum ${command.name} has itself: ${taken.join(', ')}`,
      'Give them other names in the pipeline file.',
    )
  }
  const parsed = hinted(`fulcrum ${command.name} ${path} --help lists the options.`, () =>
    parseFlags(args, [command.options, definition.options], names),
  )
  const [options = {}, ownOptions = {}] = parsed.options
  const pipeline = { definition, options: ownOptions }
  return command.run({ options, positionals: parsed.positionals, pipeline }, terminal)
}

/** Every mistake in the arguments gets the same next step. */
function hinted<T>(hint: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof FulcrumError ? new FulcrumError(error.code, error.message, hint, error) : error
  }
}
