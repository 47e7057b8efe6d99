import type { PipelineDefinition } from '../pipeline/define.ts'
import type { Command } from './command.ts'
import { type Flag, flagsOf } from './flags.ts'

/** The first screen. */
export function overview(commands: readonly Command[], version: string): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    `fulcrum ${version}: data curation for language-model post-training`,
    '',
    'Usage: fulcrum COMMAND [options]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'fulcrum help COMMAND says more; fulcrum --version prints the version.',
  ].join('\n')
}

/** A command's page; with a pipeline, its options are listed too. */
export function helpOf(command: Command, pipeline: PipelineDefinition | null = null): string {
  const { name, summary, positionals, options, example, takesPipeline } = command
  const usage = [name, ...positionals.map((positional) => positional.name), '[options]'].join(' ')
  const named = positionals.map((positional) => [positional.name, positional.meaning] as const)
  const own = flagsOf(options).map(described)
  const ofPipeline = pipeline === null ? [] : flagsOf(pipeline.options).map(described)
  const width = Math.max(...[...named, ...own, ...ofPipeline].map(([left]) => left.length))
  const lines = (rows: readonly (readonly [string, string])[]): string[] =>
    rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
  return [
    summary,
    '',
    `Usage: fulcrum ${usage}`,
    ...(named.length === 0 ? [] : ['', ...lines(named)]),
    '',
    'Options:',
    ...lines(own),
    ...(pipeline === null
      ? []
      : ['', `Options of ${pipeline.name} (${pipeline.description}):`, ...lines(ofPipeline)]),
    ...(takesPipeline && pipeline === null
      ? [
          '',
          `A pipeline has options of its own: fulcrum ${name} PIPELINE --help`,
          'Those that ship: fulcrum pipelines',
        ]
      : []),
    '',
    `Example: ${(name === 'run' ? pipeline?.example : undefined) ?? example}`,
  ].join('\n')
}

function described({ name, kind, meaning, required, preset, choices }: Flag): readonly [string, string] {
  const value = { text: ' TEXT', number: ' NUMBER', switch: '', list: ' TEXT' }[kind]
  const notes = [
    ...(choices.length > 0 ? [`one of ${choices.join(', ')}`] : []),
    ...(kind === 'list' ? ['may be given several times'] : []),
    ...(required ? ['required'] : []),
    ...(preset === undefined || preset === false ? [] : [`default ${shown(preset)}`]),
  ]
  return [`--${name}${value}`, `${meaning}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`]
}

const shown = (preset: unknown): string =>
  Array.isArray(preset) ? preset.map(String).join(' ') || 'none' : String(preset)
