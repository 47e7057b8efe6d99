import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Agent, fetch } from 'undici'
import { openAccount } from '../../src/model/account/account.ts'
import { httpModel } from '../../src/model/http.ts'
import { inTurns } from '../../src/model/turns.ts'

/** Of undici's own timeouts: its clock goes on by so many milliseconds, and what is over by then ends. */
const { tick } = createRequire(import.meta.url)('undici/lib/util/timers.js') as {
  tick: (milliseconds: number) => void
}
const folder = await mkdtemp(join(tmpdir(), 'fulcrum-patience-'))
const open: { close(): Promise<void> }[] = []
after(async () => {
  for (const one of open) await one.close()
  await rm(folder, { recursive: true })
})

const reply = JSON.stringify({
  choices: [{ index: 0, message: { role: 'assistant', content: 'at last' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
})

/** A chat server; `answer` ends the reply. */
async function serve(answer: (response: ServerResponse, asked: number) => void): Promise<string> {
  let asked = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json')
      if (request.method === 'GET') response.end('{"data":[{"id":"big"}]}')
      else answer(response, asked++)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
}

const chat = { kind: 'chat', messages: [{ role: 'user', content: 'Think long.' }] } as const
const sampler = { n: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 30_000, seed: 1 }
const twentyMinutes = 20 * 60_000

test('a reply of twenty minutes comes, whether its head or its body is late, where a plain client gives up', async () => {
  for (const late of ['head', 'body'] as const) {
    const waiting: ServerResponse[] = []
    const url = await serve((response, asked) => {
      // The first asks what the server can do.
      if (asked === 0) {
        response.end(reply)
        return
      }
      if (late === 'body') response.write(reply.slice(0, 20))
      waiting.push(response)
    })
    const model = await httpModel({ baseUrl: url, model: 'big', retry: { attempts: 1 } })
    open.push(model)
    const asked = model.sample(chat, sampler)
    const agent = new Agent()
    const plain = fetch(`${url}/chat/completions`, { method: 'POST', body: '{}', dispatcher: agent }).then(
      (got) => got.text(),
    )
    const gaveUp = assert.rejects(plain, (error: Error) => {
      assert.match(
        String((error.cause as { code?: string }).code),
        late === 'head' ? /HEADERS_TIMEOUT/ : /BODY_TIMEOUT/,
      )
      return true
    })
    while (waiting.length < 2) await new Promise((done) => setTimeout(done, 5))
    await new Promise((done) => setTimeout(done, 30))
    tick(twentyMinutes)
    tick(twentyMinutes)
    await gaveUp
    for (const response of waiting) response.end(late === 'head' ? reply : reply.slice(20))
    assert.equal((await asked)[0]?.text, 'at last')
    await agent.destroy()
  }
})

test('a million completions of a server that gives one a request wait as numbers, not as a million closures', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (const ledger of [null, join(folder, 'ledger')]) {
    const stop = new AbortController()
    let enough: () => void = () => undefined
    const many = new Promise<void>((done) => (enough = done))
    const url = await serve((response, asked) => {
      if (asked === 100) enough()
      if (asked < 100) response.end(reply)
    })
    const model = await httpModel({ baseUrl: url, model: 'big' })
    const account = await openAccount({ ledger })
    open.push(model, account)
    model.paid?.join(account)
    collect()
    const before = process.memoryUsage().heapUsed
    const asked = model.sample(chat, { ...sampler, n: 1_000_000, signal: stop.signal })
    const ended = assert.rejects(asked, /enough/)
    await many
    collect()
    const grown = (process.memoryUsage().heapUsed - before) / 1e6
    stop.abort(new Error('enough'))
    await ended
    // 8 MB for the places of the answers; a hundred thousand promises with their closures took 600 MB.
    assert.ok(grown < 60, `${grown.toFixed(0)} MB`)
  }
})

test('items in turns are begun in order, so many at once, and none after a failure', async () => {
  const begun: number[] = []
  let [now, most] = [0, 0]
  function* numbers(): Generator<number> {
    for (let i = 0; i < 100; i++) yield i
  }
  const work = async (i: number): Promise<void> => {
    begun.push(i)
    most = Math.max(most, ++now)
    await new Promise((done) => setImmediate(done))
    now--
    if (i === 50) throw new Error('fifty')
  }
  await assert.rejects(inTurns(numbers(), 7, work), /fifty/)
  assert.equal(most, 7)
  assert.deepEqual(begun, [...begun.keys()])
  assert.ok(begun.length >= 51 && begun.length <= 58, String(begun.length))
  await inTurns([], 7, work)
})
