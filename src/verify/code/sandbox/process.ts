import { spawn } from 'node:child_process'
import { kill } from 'node:process'
import type { Readable, Writable } from 'node:stream'
import type { Limits } from './limits.ts'

/** A program to start, and what it reads from descriptors 4, 5, ... */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly extra: readonly Uint8Array[]
}

/** How a program came to its end; `never` is the sandbox's fault, not the program's. */
export interface Ending {
  readonly how: 'exit' | 'late' | 'flood' | 'never'
  /** Exit status, 128 + n for signal n. */
  readonly status: number
  /** All that was printed, where nothing asked for lines. */
  readonly output: string
  /** The last that went to stderr. */
  readonly errors: string
}

/** A process that talks in lines. It is killed when its time or output is used up, with all that it started. */
export interface Talk {
  send(text: string): void
  /** Ends its standard input, with this text. */
  finish(text?: string): void
  /** The next line, or how it ended. */
  line(): Promise<string | Ending>
  readonly ended: Promise<Ending>
  kill(): void
}

/** Time by the clock that a sandbox itself may take to stand, milliseconds: 40 are usual on an idle machine. */
const longestStart = 30_000
const errorsKept = 2000
/** How long pipes are read after the process is gone, milliseconds. */
const patience = 1000

/** Starts it. Descriptor 3 must bring one byte before anything of the program runs: from then on its time counts. */
export function startProcess(command: Command, script: readonly string[], limits: Limits): Talk {
  const stdio = ['pipe', 'pipe', 'pipe', 'pipe', ...command.extra.map(() => 'pipe' as const)] as const
  const child = spawn(command.file, [...command.args, '-s', '-X', 'utf8', '-c', ...script], {
    env: { ...command.env },
    stdio: [...stdio],
    detached: true,
  })
  const streams = child.stdio as unknown as [Writable, Readable, Readable, Readable, ...Writable[]]
  const [input, output, errors, ready, ...extra] = streams
  for (const stream of streams) stream.on('error', () => undefined)
  extra.forEach((stream, i) => stream.end(command.extra[i]))

  const state = { how: 'never' as Ending['how'], bytes: 0, errors: '' }
  const lines = lineQueue()
  const stop = (how: Ending['how']): void => {
    if (child.exitCode !== null || child.signalCode !== null) return
    if (state.how === 'exit' || state.how === 'never') state.how = how
    killGroup(child.pid)
  }
  let timer = setTimeout(() => stop('never'), longestStart)
  ready.once('data', () => {
    state.how = 'exit'
    clearTimeout(timer)
    timer = setTimeout(() => stop('late'), limits.wallMs)
  })
  const count = (chunk: Buffer): boolean => {
    state.bytes += chunk.length
    if (state.bytes > limits.outputBytes) stop('flood')
    return state.bytes <= limits.outputBytes
  }
  output.on('data', (chunk: Buffer) => {
    if (count(chunk)) lines.add(chunk)
  })
  errors.on('data', (chunk: Buffer) => {
    if (count(chunk)) state.errors = `${state.errors}${chunk.toString()}`.slice(-errorsKept)
  })
  const ended = new Promise<Ending>((resolve) => {
    const done = (status: number): void => {
      clearTimeout(timer)
      resolve({ how: state.how, status, output: lines.rest(), errors: state.errors })
    }
    child.on('error', (error) => {
      state.errors = error.message
      done(-1)
    })
    // Whoever fled from the group (only without walls) may hold the pipes open.
    child.on('exit', () => {
      killGroup(child.pid)
      setTimeout(() => streams.forEach((stream) => stream.destroy()), patience).unref()
    })
    child.on('close', (status, signal) => done(status ?? 128 + (signal === 'SIGKILL' ? 9 : 0)))
  })
  return {
    send: (text) => void input.write(`${text}\n`),
    finish: (text = '') => void input.end(text),
    line: () => Promise.race([lines.next(), ended]),
    ended,
    kill: () => stop('exit'),
  }
}

/** A process is its group's leader; bubblewrap takes all inside with it. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    kill(-pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** Bytes in, lines out, one at a time. */
function lineQueue() {
  let held: Buffer[] = []
  const whole: string[] = []
  let wake: ((line: string) => void) | undefined
  const offer = (line: string): void => {
    if (wake === undefined) whole.push(line)
    else wake(line)
    wake = undefined
  }
  return {
    add(chunk: Buffer): void {
      let from = 0
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        offer(Buffer.concat([...held, chunk.subarray(from, at)]).toString())
        held = []
        from = at + 1
      }
      if (from < chunk.length) held.push(chunk.subarray(from))
    },
    next: (): Promise<string> => {
      const line = whole.shift()
      return line === undefined ? new Promise((resolve) => (wake = resolve)) : Promise.resolve(line)
    },
    /** What no one asked for, line ends restored. */
    rest: (): string => [...whole.map((line) => `${line}\n`), Buffer.concat(held).toString()].join(''),
  }
}
