#!/usr/bin/env node
import { setMaxListeners } from 'node:events'
import { FulcrumError } from '../errors.ts'
import type { ExitCode, Terminal } from './command.ts'
import { dispatch } from './dispatch.ts'

const interruption = new AbortController()
// Every request in flight listens.
setMaxListeners(0, interruption.signal)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(130)
    interruption.abort(new Error('interrupted'))
  })
}
// Whoever reads us has seen enough: `fulcrum inspect x | head`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2))
}

const terminal: Terminal = {
  print: (text) => process.stdout.write(`${text}\n`),
  tell: (text) => process.stderr.write(text),
  live: process.stderr.isTTY,
  width: process.stderr.columns || 120,
  now: () => performance.now(),
  signal: interruption.signal,
}

const code = await dispatch(process.argv.slice(2), terminal).catch(tellError)
// Threads of models may still be there; what was printed must be out before they are cut off.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))

function tellError(error: unknown): ExitCode {
  if (terminal.live) terminal.tell('\r\x1b[2K')
  if (interruption.signal.aborted) {
    terminal.tell('Interrupted. What is done is kept: the same command goes on from there.\n')
    return 130
  }
  if (error instanceof FulcrumError) {
    terminal.tell(`error: ${error.message}\nnext:  ${error.hint}\n`)
    return error.code === 'budget' ? 75 : 2
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  terminal.tell(
    `error: a bug in fulcrum or in the pipeline file\n${stack.split('\n').slice(0, 12).join('\n')}\n`,
  )
  return 2
}
