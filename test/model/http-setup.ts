import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { FulcrumError } from '../../src/errors.ts'
import { httpModel, type HttpModelOptions } from '../../src/model/http.ts'
import type { Model, SampleOptions, Tokenizer } from '../../src/model/model.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { type ServerScript, startOpenAiServer, type TestServer } from '../fixtures/openai-server.ts'
import { solutionPolicy } from '../fixtures/solution-policy.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-http-'))
await writeByteTokenizer(folder)
export const tokenizer = await loadTokenizer(folder)
export const open: { close(): Promise<void> }[] = []
after(async () => {
  for (const one of open) await one.close()
  await rm(folder, { recursive: true, force: true })
})

export const question = 'How many?'
export const policy = solutionPolicy(
  [{ question, answer: '3 * 4 = <<3*4=12>>12\n12 + 8 = <<12+8=20>>20\n#### 20' }],
  {
    name: 'p',
    deciding: 0.5,
    other: 0.9,
  },
)
export const vllm: ServerScript = {
  models: ['policy', 'other'],
  tokenizer,
  complete: ({ ids, ...options }) => policy.generate(ids ?? [], options),
  score: (ids) => policy.score(ids),
}
export const quick = { attempts: 4, firstWaitMs: 1, longestWaitMs: 4 }

export async function serve(script: ServerScript): Promise<TestServer> {
  const server = await startOpenAiServer(script)
  open.push(server)
  return server
}

export async function connect(
  server: Pick<TestServer, 'url'>,
  options: Partial<HttpModelOptions> = {},
): Promise<Model> {
  const model = await httpModel({
    baseUrl: server.url,
    model: 'policy',
    dialect: 'vllm',
    tokenizer,
    retry: quick,
    // Most tests are of one request: how an endpoint that is down is told is in limits.test.ts.
    limits: { breaker: { failures: 1000, patienceMs: 1, firstTrialMs: 1 } },
    ...options,
  })
  open.push(model)
  return model
}

export const options: SampleOptions = { n: 4, temperature: 1, topP: 1, topK: 0, maxTokens: 200, seed: 11 }
export const prompt = (of: Tokenizer) =>
  ({ kind: 'tokens', ids: of.encode(of.renderChat([{ role: 'user', content: question }])) }) as const

export const isModelError = (pattern: RegExp, hint?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FulcrumError, String(error))
  assert.equal(error.code, 'model')
  assert.match(error.message, pattern)
  if (hint !== undefined) assert.match(error.hint, hint)
  return true
}
