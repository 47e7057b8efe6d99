import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const main = join(root, 'src/cli/main.ts')
/** Lets `fulcrum` in a pipeline file be the sources, wherever the process runs. */
const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') }

/** A pipeline with stages of every kind whose calls end in no particular order. */
export const slowPipeline = resolve(import.meta.dirname, '../fixtures/pipelines/slow.ts')

export interface Ended {
  /** Null after a kill. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts the command line from source in a process of its own, or that of a copy without types. */
export function start(args: readonly string[], cwd?: string, copy?: string) {
  const program = copy === undefined ? ['--import', import.meta.resolve('tsx'), main] : [copy]
  const child = spawn(process.execPath, [...program, ...args], {
    ...(cwd !== undefined && { cwd }),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  const heard: (() => void)[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    for (const tell of heard.splice(0)) tell()
  })
  const ended = new Promise<Ended>((done) => {
    child.on('close', (code) => {
      for (const tell of heard.splice(0)) tell()
      done({ code, stdout, stderr })
    })
  })
  /** Resolves at the first word on stderr, or at the end. */
  const speaks = (): Promise<void> =>
    stderr === '' ? new Promise((done) => heard.push(done)) : Promise.resolve()
  return { child, ended, speaks }
}

/** Runs the command line to its end. */
export const fulcrum = (args: readonly string[], cwd?: string, copy?: string): Promise<Ended> =>
  start(args, cwd, copy).ended

/** sha256 of every file under a folder, by path. */
export async function digests(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const found = await Promise.all(
    files.sort().map(async (file) => {
      const hash = createHash('sha256').update(await readFile(file))
      return [relative(folder, file), hash.digest('hex')] as const
    }),
  )
  return Object.fromEntries(found)
}

/** Lines of a problem file, with a malformed one, a repeated id and a row without answer among them. */
export function problemLines(count: number): string {
  const lines = Array.from({ length: count }, (_, i) =>
    JSON.stringify({ problem: `What is ${i} + 1?`, answer: i + 1 }),
  )
  lines.splice(3, 0, 'this is no JSON', lines[0] as string, '{"problem":"no answer"}')
  return `${lines.join('\n')}\n`
}
