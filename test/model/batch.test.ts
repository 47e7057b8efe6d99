import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FulcrumError } from '../../src/errors.ts'
import { type Account, type AccountOptions, openAccount } from '../../src/model/account/account.ts'
import type { Price } from '../../src/model/account/prices.ts'
import type { BatchProgress } from '../../src/model/batch/batcher.ts'
import { httpModel } from '../../src/model/http.ts'
import type { Model } from '../../src/model/model.ts'
import { type BatchScript, type BatchServer, startBatchServer } from '../fixtures/batch-server.ts'

const root = await mkdtemp(join(tmpdir(), 'fulcrum-batch-'))
const open: { close(): Promise<void> }[] = []
after(async () => {
  for (const one of open) await one.close()
  await rm(root, { recursive: true, force: true })
})

const price: Price = { model: 'big', input: 10, output: 100, source: 'made up', date: '2026-01-01' }
const answer: BatchScript['answer'] = ([message], seed) => `${message?.content ?? ''} seed ${seed}`
const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 50 }
/** Of one completion: 20 prompt and 5 completion tokens at half the price. */
const costOfOne = (20 * 10 + 5 * 100) / 2 / 1e6

const serve = async (script: Partial<BatchScript> = {}): Promise<BatchServer> => {
  const server = await startBatchServer({ model: 'big', answer, ...script })
  open.push(server)
  return server
}

let folders = 0
const newFolder = (): string => join(root, String(folders++), 'ledger')

interface Session {
  readonly model: Model
  readonly account: Account
  readonly progress: readonly BatchProgress[]
}

/** A process's share of a run: opened as a run does, with hardly any waits. */
async function session(
  server: BatchServer,
  folder: string,
  {
    batches = {},
    ...options
  }: Omit<Partial<AccountOptions>, 'batches'> & { batches?: AccountOptions['batches'] | null } = {},
): Promise<Session> {
  const retry = { attempts: 3, firstWaitMs: 1, longestWaitMs: 2 }
  const model = await httpModel({ baseUrl: server.url, model: 'big', retry })
  const progress: BatchProgress[] = []
  const quick = { quietMs: 15, firstLookMs: 1, longestLookMs: 4 }
  const account = await openAccount({
    ledger: folder,
    prices: [price],
    ...options,
    ...(batches !== null && {
      batches: { ...quick, onProgress: (one) => progress.push(one), ...batches },
    }),
  })
  open.push(model, account)
  model.paid?.join(account)
  await account.batches?.open()
  return { model, account, progress }
}

const ask = async ({ model }: Session, from: number, to: number): Promise<string[]> => {
  const asked = Array.from({ length: to - from }, async (_, i) => {
    const messages = [{ role: 'user' as const, content: `problem ${from + i}` }]
    const [one] = await model.sample({ kind: 'chat', messages }, { ...sampler, n: 1, seed: 1000 + from + i })
    return one?.text ?? ''
  })
  return Promise.all(asked)
}

const texts = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `problem ${from + i} seed ${1000 + from + i}`)

/** Without the tiny ones that find out what a server does. */
const liveOf = ({ live }: BatchServer) =>
  live.filter(({ messages }) => !JSON.stringify(messages).includes('1 + 1'))

const isError = (code: string, message: RegExp, hint: RegExp) => (error: unknown) => {
  assert.ok(error instanceof FulcrumError, String(error))
  assert.equal(error.code, code)
  assert.match(error.message, message)
  assert.match(error.hint, hint)
  return true
}

test('many questions are one batch, at half the price, and a live run reuses its answers, as batches those of live runs', async () => {
  const server = await serve()
  const folder = newFolder()
  const first = await session(server, folder)
  assert.deepEqual(await ask(first, 0, 40), texts(0, 40))
  assert.equal(server.batches.length, 1)
  const [batch] = server.batches
  assert.equal(batch?.lines.length, 40)
  const { run, requests, fulcrum } = batch.object.metadata as Record<string, string>
  assert.equal(run, 'run')
  assert.match(`${requests} ${fulcrum}`, /^[0-9a-f]{16} [0-9a-f-]{36}$/)
  assert.deepEqual(
    first.progress.map(({ status, completed }) => `${status} ${completed}`),
    ['in_progress 0', 'completed 40'],
  )
  const { paid, used } = first.account.purse
  assert.ok(Math.abs(paid.costUsd - 40 * costOfOne) < 1e-9, `$${paid.costUsd}`)
  assert.deepEqual([paid.requests, used.requests, used.costUsd], [40, 40, paid.costUsd])
  await first.account.batches?.settle()
  await first.account.close()
  assert.deepEqual(
    (await readdir(folder)).filter((name) => !name.endsWith('.journal')),
    [],
  )

  const live = await session(server, folder, { batches: null })
  assert.deepEqual(await ask(live, 0, 50), texts(0, 50))
  assert.equal(liveOf(server).length, 10, 'only what was not there')
  assert.equal(
    live.account.ledger?.found.unanswered,
    0,
    'a batch leaves no intents that say it may be billed twice',
  )
  const both = 40 * costOfOne + 10 * 2 * costOfOne
  assert.ok(Math.abs(live.account.purse.paid.costUsd - both) < 1e-9, 'each at its own price')
  assert.ok(Math.abs(live.account.purse.used.costUsd - both) < 1e-9)
  await live.account.close()

  const again = await session(server, folder)
  assert.deepEqual(await ask(again, 0, 51), texts(0, 51))
  assert.deepEqual([server.batches.length, server.submitted.length], [2, 41])
})

test('a batch takes so many requests and no more', async () => {
  const server = await serve()
  const asking = await session(server, newFolder(), { batches: { requests: 16 } })
  assert.deepEqual(await ask(asking, 0, 40), texts(0, 40))
  assert.deepEqual(server.batches.map(({ lines }) => lines.length).sort(), [16, 16, 8])
})

test('a batch is looked at after 5 seconds, then in ever longer steps up to a minute', async () => {
  const server = await serve({ looks: 7 })
  const slept: number[] = []
  const clock = {
    now: () => 0,
    sleep: (milliseconds: number) => {
      slept.push(milliseconds)
      return new Promise<void>((done) => setImmediate(done))
    },
  }
  const account = await openAccount({ ledger: newFolder(), batches: { clock, quietMs: 1 } })
  const model = await httpModel({ baseUrl: server.url, model: 'big' })
  open.push(model, account)
  model.paid?.join(account)
  await account.batches?.open()
  await ask({ model, account, progress: [] }, 0, 2)
  assert.deepEqual(
    slept.filter((milliseconds) => milliseconds > 1),
    [5000, 10_000, 20_000, 40_000, 60_000, 60_000],
  )
})

test('what expired, failed for the moment or came without its end is asked again in another batch', async () => {
  const server = await serve({
    ends: (batch) => (batch === 0 ? 'expired' : 'completed'),
    fault: (batch, { body }) => {
      const [, problem] = /problem (\d+)/.exec(JSON.stringify(body.messages)) ?? []
      if (batch > 0) return null
      const faults = [
        'expired',
        { status: 429, message: 'slow' },
        { status: 500, message: 'oops' },
        'no finish_reason',
      ] as const
      return faults[Number(problem)] ?? null
    },
  })
  const asking = await session(server, newFolder())
  assert.deepEqual(await ask(asking, 0, 10), texts(0, 10))
  assert.deepEqual(
    server.batches.map(({ lines }) => lines.length),
    [10, 4],
  )
  // The one without its end was paid for.
  assert.equal(asking.account.purse.paid.requests, 11)
})

test('a request that no batch answers ends the run after three, and one that is refused at once; the others are kept', async () => {
  const server = await serve({
    fault: (_, { body }) => (JSON.stringify(body.messages).includes('problem 3') ? 'expired' : null),
  })
  const folder = newFolder()
  const asking = await session(server, folder)
  await assert.rejects(
    ask(asking, 0, 6),
    isError(
      'model',
      /#big left a request without an answer in 3 batches \(.*completion window expired/,
      /without --batch/,
    ),
  )
  assert.deepEqual(
    server.batches.map(({ lines }) => lines.length),
    [6, 1, 1],
  )
  await asking.account.drain()
  await asking.account.close()
  const live = await session(server, folder, { batches: null })
  await ask(live, 0, 6)
  assert.equal(liveOf(server).length, 1)

  const refusing = await serve({ fault: () => ({ status: 400, message: 'no such field' }) })
  const refused = await session(refusing, newFolder())
  await assert.rejects(
    ask(refused, 0, 2),
    isError('model', /#big refuses a request of a batch \(400: no such field\)/, /takes these options/),
  )
  assert.equal(refusing.batches.length, 1)
})

test('a batch that fails or is cancelled ends the run with what is kept, and the next run asks for the rest', async () => {
  for (const [end, message, hint] of [
    ['failed', /The server refuses batch batch_0: Enqueued token limit reached/, /--batch-requests/],
    ['cancelled', /Batch batch_0 was cancelled/, /same command again: what is open goes into another batch/],
  ] as const) {
    const server = await serve({
      ends: (batch) => (batch === 0 ? end : 'completed'),
      fault: (batch, { body }) =>
        batch === 0 && JSON.stringify(body.messages).includes('problem 1') ? 'expired' : null,
    })
    const folder = newFolder()
    const ended = await session(server, folder)
    await assert.rejects(ask(ended, 0, 4), isError('model', message, hint))
    await ended.account.drain()
    await ended.account.close()
    const next = await session(server, folder)
    assert.deepEqual(await ask(next, 0, 4), texts(0, 4))
    assert.deepEqual(
      server.batches.map(({ lines }) => lines.length),
      [4, end === 'failed' ? 4 : 1],
    )
    await next.account.batches?.settle()
    assert.deepEqual(
      (await readdir(folder)).filter((name) => !name.endsWith('.journal')),
      [],
    )
  }
})

test('replies that get lost on the way submit nothing twice', async () => {
  for (const event of ['list', 'upload', 'create', 'look', 'download'] as const) {
    const server = await serve()
    server.lose(event, 2)
    const asking = await session(server, newFolder())
    assert.deepEqual(await ask(asking, 0, 5), texts(0, 5), event)
    assert.equal(server.batches.length, 1, event)
    assert.equal(asking.account.purse.paid.requests, 5)
  }
})

test('answers of a found batch are there for rows that ask one after the other', async () => {
  const server = await serve({ looks: 1 })
  const folder = newFolder()
  const cut = await session(server, folder, { batches: { firstLookMs: 1e6 } })
  const given = ask(cut, 0, 6).catch(() => 'given up')
  while (server.batches.length === 0) await new Promise((done) => setTimeout(done, 2))
  // As a killed process: nothing is settled, nothing is read.
  await cut.account.close()
  assert.equal(await given, 'given up')
  const next = await session(server, folder)
  for (let i = 0; i < 6; i += 2) assert.deepEqual(await ask(next, i, i + 2), texts(i, i + 2))
  assert.equal(server.submitted.length, 6)
})

test('a cap holds before anything is submitted: what fits goes out, and the rest when that has left room', async () => {
  const server = await serve()
  // Answers are reckoned to reach their limit of 50 tokens and take 5: a request costs a seventh of its bound.
  const folder = newFolder()
  const capped = await session(server, folder, { caps: { costUsd: 50 * costOfOne } })
  await assert.rejects(
    ask(capped, 0, 100),
    isError(
      'budget',
      /Stopped at the cap: \$[\d.]+ are spent, and up to \$[\d.]+ more would go beyond \$/,
      /Raise --max-cost/,
    ),
  )
  assert.deepEqual([server.batches[0]?.lines.length, server.batches.at(-1)?.lines.length], [6, 1])
  const { costUsd } = capped.account.purse.paid
  assert.ok(costUsd > 40 * costOfOne && costUsd <= 50 * costOfOne, `$${costUsd}`)
  await capped.account.drain()
  await capped.account.close()
  const raised = await session(server, folder, { caps: { costUsd: 1 } })
  assert.deepEqual(await ask(raised, 0, 100), texts(0, 100))
  assert.equal(server.submitted.length, 100, 'nothing twice')
  const tokens = await session(await serve(), newFolder(), { caps: { tokens: 60 } })
  await assert.rejects(
    ask(tokens, 0, 1),
    isError('budget', /0 tokens are used, and up to \d+ more/, /--max-tokens-total/),
  )
})

test('a server without a Batch API, and a run without a ledger, are refused', async () => {
  const plain = await serve({ hasBatches: false })
  await assert.rejects(
    session(plain, newFolder()),
    isError('model', /http.*\/v1 has no Batch API/, /Run without --batch/),
  )
  await assert.rejects(
    openAccount({ ledger: null, batches: {} }),
    isError('config', /Batches are asked for without a ledger/, /--no-ledger/),
  )
})
