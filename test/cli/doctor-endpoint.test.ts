import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { dispatch } from '../../src/cli/dispatch.ts'
import { FulcrumError } from '../../src/errors.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { markovPolicy } from '../fixtures/dialect-policy.ts'
import { llamaServer, sglangServer } from '../fixtures/dialects.ts'
import { startOpenAiServer } from '../fixtures/openai-server.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-doctor-'))
after(() => rm(folder, { recursive: true }))
await writeByteTokenizer(folder)
const serving = { tokenizer: await loadTokenizer(folder), next: markovPolicy('doctor') }

async function doctor(...args: string[]): Promise<{ stdout: string; code: unknown }> {
  const printed: string[] = []
  const terminal = {
    print: (text: string) => void printed.push(text),
    tell: () => undefined,
    live: false,
    width: 100,
    now: () => 0,
    signal: new AbortController().signal,
  }
  const code = await dispatch(['doctor', ...args], terminal)
  return { stdout: printed.join('\n'), code }
}

test('doctor says what a server does, line by line, with the grade and why', async () => {
  const server = await startOpenAiServer(llamaServer(serving))
  try {
    const { stdout, code } = await doctor('--endpoint', `${server.url}#policy`, '--tokenizer', folder)
    assert.equal(code, 0)
    assert.match(stdout, /^http:policy, asked as llama-server\n/)
    assert.match(stdout, /token-id prompts +yes +repeated or counted as sent\n/)
    assert.match(stdout, /completions a request +yes +up to 4\n/)
    assert.match(stdout, /chat template +yes +the server renders a chat alike\n/)
    assert.match(stdout, /context +yes +4096 tokens\n/)
    assert.match(stdout, /\nGrade: exact \(token ids both ways, and scores of given tokens\)$/)
  } finally {
    await server.close()
  }
})

test('doctor says why a server is graded text, and refuses what it cannot ask', async () => {
  const server = await startOpenAiServer(sglangServer(serving))
  try {
    const endpoint = ['--endpoint', `${server.url}#policy`]
    const { stdout } = await doctor(...endpoint, '--dialect', 'sglang')
    assert.match(stdout, /token-id prompts +no +not tried without --tokenizer FOLDER\n/)
    assert.match(stdout, /\nGrade: text \(it lacks a local tokenizer, token-id prompts, .*given tokens\)$/)
    const json = await doctor(...endpoint, '--tokenizer', folder, '--json')
    const told = JSON.parse(json.stdout) as {
      grade: string
      dialect: string
      capabilities: { seeds: boolean }
    }
    assert.deepEqual([told.grade, told.dialect, told.capabilities.seeds], ['exact', 'sglang', false])
    for (const [args, message] of [
      [[...endpoint, '--dialect', 'ollama'], /--dialect "ollama"/],
      [['--endpoint', server.url], /names no model/],
      [['--endpoint', `${server.url}#polcy`, '--tokenizer', folder], /has no model polcy/],
    ] as const) {
      await assert.rejects(
        doctor(...args),
        (error) => error instanceof FulcrumError && message.test(error.message),
      )
    }
  } finally {
    await server.close()
  }
})
