import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { dispatch } from '../../src/cli/dispatch.ts'
import { FulcrumError } from '../../src/errors.ts'
import { digests, fulcrum, problemLines, slowPipeline, start } from '../e2e/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-cli-'))
const input = join(folder, 'problems.jsonl')
writeFileSync(input, problemLines(20))
after(() => rm(folder, { recursive: true }))

const run = (...args: string[]) => fulcrum(['run', slowPipeline, '--problems', input, ...args], folder)

test('run ends with a table on stdout and the manifest; verify and inspect read what it wrote', async () => {
  const { code, stdout, stderr } = await run('--out', 'made', '--shard-rows', '8')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /stage +rows in +rows out\ndraw +20 +40\n/)
  assert.match(stdout, /source +1 +malformed line/)
  assert.match(stdout, /made\/manifest\.json\n$/)
  assert.match(stderr, /slow: 23 records in 3 shards, about 46 completions -> made/)

  const manifest = join(folder, 'made/manifest.json')
  const good = await fulcrum(['verify', manifest])
  assert.equal(good.code, 0, good.stderr)
  assert.match(good.stdout, /^6 of 6 shards are as the manifest says/)
  const shard = join(folder, 'made/data/guesses/train-00000-of-00003.parquet')
  const inspected = await fulcrum(['inspect', shard, '--rows', '1'])
  assert.match(inspected.stdout, /tags +list<string> +tags\n/)
  assert.match(inspected.stdout, /row 0\n {2}id: "[0-9a-f]{12}"/)
  const json = JSON.parse((await fulcrum(['inspect', shard, '--json'])).stdout) as {
    rows: number
    first: object[]
  }
  assert.equal(json.first.length, 2)

  await truncate(shard, 100)
  const bad = await fulcrum(['verify', manifest])
  assert.equal(bad.code, 1)
  assert.match(bad.stdout, /train-00000-of-00003\.parquet has sha256 .*\n5 of 6 shards/)
})

/** A command in this process: what it printed, or what it threw. */
async function inProcess(...args: string[]): Promise<{ stdout: string; error: FulcrumError | null }> {
  const printed: string[] = []
  const terminal = {
    print: (text: string) => void printed.push(text),
    tell: () => undefined,
    live: false,
    width: 100,
    now: () => 0,
    signal: new AbortController().signal,
  }
  const error = await dispatch(args, terminal).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  assert.ok(error === null || error instanceof FulcrumError, String(error))
  return { stdout: printed.join('\n'), error }
}

test('plan prints stages, columns, calls and shards', async () => {
  const { stdout } = await inProcess('plan', slowPipeline, '--problems', input, '--draws', '3')
  assert.match(stdout, /23 records in 1 shards/)
  assert.match(stdout, /draw +id +guess +69\nkeep +guess +- +0\n/)
  assert.match(stdout, /guess +int32 +a draw\n/)
  const json = await inProcess('plan', slowPipeline, '--problems', input, '--json')
  assert.equal((JSON.parse(json.stdout) as { expectedCalls: number }).expectedCalls, 46)
})

test('plan knows the caps of the quickstart: on the run, on a trace', async () => {
  const completions = async (...args: string[]): Promise<[count: number, text: string]> => {
    const { stdout } = await inProcess('plan', 'quickstart', ...args)
    const [, count = ''] = /^findPivotalTokens .* ([\d,]+)$/m.exec(stdout) ?? []
    return [Number(count.replaceAll(',', '')), stdout]
  }
  const [most, text] = await completions('--max-rollouts', '500')
  assert.equal(most, 500)
  assert.match(text, /^findPivotalTokens stops at 500, its cap over all rows and shards\.$/m)
  const [each, uncapped] = await completions('--trace-rollouts', '20')
  assert.equal(each, 300 * 20)
  assert.doesNotMatch(uncapped, /its cap/)
})

test('every mistake in the arguments is said at once, with the nearest option and where to look', async () => {
  const mistaken = ['--drawz', '3', '--wait-ms', 'soon', '--seed', '1.5', '--shards', '2', '--out']
  const { code, stdout, stderr } = await fulcrum(['run', slowPipeline, ...mistaken], folder)
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /^error: There is no option --drawz; did you mean --draws\?\n/)
  assert.match(stderr, /--wait-ms "soon": .*expected number/)
  assert.match(stderr, /--seed 1\.5: .*expected int/)
  assert.match(stderr, /--shards "2": wants i\/n/)
  assert.match(stderr, /--out wants a value/)
  assert.match(stderr, /--problems is missing/)
  assert.match(stderr, /\nnext: +fulcrum run \S+ --help lists the options/)
})

test('a missing file, an unknown stage, command or pipeline are errors with a next step', async () => {
  const problems = ['--problems', input]
  const cases: [string[], RegExp, RegExp][] = [
    [['run', slowPipeline, '--problems', 'none.jsonl'], /There is no file none\.jsonl/, /Check the path/],
    [
      ['run', slowPipeline, ...problems, '--until', 'drew'],
      /no stage drew/,
      /Stages of this pipeline: draw, keep/,
    ],
    [
      ['run', slowPipeline, ...problems, '--shards', '2/2'],
      /--shards 2\/2: there is no such part/,
      /from 0\/n/,
    ],
    [
      ['run', slowPipeline, ...problems, '--out', input],
      /Cannot write .*problems\.jsonl: EEXIST/,
      /Check the folder/,
    ],
    [
      ['run', join(import.meta.dirname, '../e2e/command.ts')],
      /exports no pipeline/,
      /export default definePipeline/,
    ],
    [['run', 'nothing.ts'], /There is no pipeline nothing\.ts/, /quickstart/],
    [['run', '--seed', '1'], /PIPELINE is missing/, /Name it first: fulcrum run /],
    [['rnu'], /no command rnu/, /Did you mean run\?/],
    [['train'], /train what\?/, /Give one of train sft, train dpo/],
    [['verify', 'none.json'], /There is no file none\.json/, /manifest\.json of a finished run/],
    [['verify'], /MANIFEST is missing/, /fulcrum help verify/],
    [['inspect', input], /is not a whole Parquet file/, /Fetch or write the file again/],
    [['train', 'dpo', '--data', 'none.json', '--model', folder, '--out', 'x'], /config\.json|tokenizer/, /./],
  ]
  for (const [args, message, hint] of cases) {
    const { error, stdout } = await inProcess(...args)
    assert.match(error?.message ?? 'no error', message, args.join(' '))
    assert.match(error?.hint ?? '', hint)
    assert.equal(stdout, '')
  }
})

test('--version and help print to stdout', async () => {
  assert.match((await inProcess('--version')).stdout, /^\d+\.\d+\.\d+$/)
  assert.match((await inProcess('help')).stdout, /Usage: fulcrum COMMAND/)
  assert.match((await inProcess('--help')).stdout, /Usage: fulcrum COMMAND/)
  assert.match((await inProcess('help', 'train', 'dpo')).stdout, /--nll-weight/)
  assert.match((await inProcess('run', slowPipeline, '--help')).stdout, /Options of slow/)
})

test('a run that leaves no row says so, with what dropped them', async () => {
  const { code, stdout, stderr } = await run('--no-keep', '--out', 'empty')
  assert.equal(code, 2)
  assert.match(stdout, /keep +40 +small/)
  assert.match(stderr, /error: The run is finished and no row is left; most rows \(40\) went at keep: small/)
})

test('too many malformed lines stop the run before it starts', async () => {
  const path = join(folder, 'bad.jsonl')
  await writeFile(path, `${problemLines(5)}${'{broken\n'.repeat(5)}`)
  const { error } = await inProcess('run', slowPipeline, '--problems', path, '--out', join(folder, 'bad'))
  assert.match(error?.message ?? '', /bad\.jsonl has 6 malformed lines of 13, more than 3: .*bad\.jsonl:4: /)
  assert.equal((await readdir(folder)).includes('bad'), false)
})

test('an interrupted run says how to go on, ends with 130 and goes on', async () => {
  const args = [
    'run',
    slowPipeline,
    '--problems',
    input,
    '--wait-ms',
    '150',
    '--shard-rows',
    '4',
    '--out',
    'stopped',
  ]
  const started = start(args, folder)
  await started.speaks()
  setTimeout(() => started.child.kill('SIGINT'), 300)
  const { code, stderr } = await started.ended
  assert.equal(code, 130, stderr)
  assert.match(stderr, /Interrupted\. What is done is kept/)
  const left = Object.keys(await digests(join(folder, 'stopped')))
  assert.deepEqual(
    left.filter((file) => /attempts|partial|manifest/.test(file)),
    [],
  )
  assert.equal((await fulcrum(args, folder)).code, 0)
})

test('a full disk is said, and nothing half-written is left', async () => {
  const out = join(folder, 'full')
  const { ended } = startLimited(['run', slowPipeline, '--problems', input, '--out', out])
  const { code, stderr } = await ended
  assert.equal(code, 2, stderr)
  assert.match(stderr, /Cannot write .*: EFBIG\nnext: +A file size limit was hit/)
  assert.deepEqual(Object.keys(await digests(out)), [])
})

/** The command with files of at most 1 KiB: as good as a full disk, and needs no mount. */
function startLimited(args: readonly string[]) {
  const main = join(import.meta.dirname, '../../src/cli/main.ts')
  const node = [process.execPath, '--import', import.meta.resolve('tsx'), main, ...args]
  const child = spawn('bash', ['-c', 'ulimit -f 1; exec "$@"', 'bash', ...node], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return {
    ended: new Promise<{ code: number | null; stderr: string }>((done) =>
      child.on('close', (code) => done({ code, stderr })),
    ),
  }
}

test('a reader that closes the pipe is no error', async () => {
  const started = start(['help', 'run'], folder)
  started.child.stdout.destroy()
  assert.equal((await started.ended).code, 0)
})
