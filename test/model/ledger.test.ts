import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openLedger } from '../../src/model/ledger/book.ts'
import { ledger, type LedgerOptions } from '../../src/model/ledger/ledger.ts'
import type { Completion, SampleOptions } from '../../src/model/model.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { tokenizer } from './http-setup.ts'

const root = await mkdtemp(join(tmpdir(), 'fulcrum-ledger-'))
after(() => rm(root, { recursive: true }))
let folders = 0
const fresh = (): string => join(root, String(folders++))

const options: SampleOptions = { n: 4, temperature: 1, topP: 1, topK: 0, maxTokens: 10, seed: 100 }
const prompt = { kind: 'text', text: 'p' } as const
/** As servers seed: completion i of a request draws from its seed + i. */
const seeded: LedgerOptions = {
  endpoint: 'http://here/v1',
  from: (of, first) => ({ ...of, seed: of.seed + first }),
}

/** Answers name the seed they come from; every third hits any limit. */
const model = (id = 'm') =>
  scriptedModel({
    id,
    complete: (_, i, { seed, maxTokens }) => ({
      text: `${seed + i} of ${maxTokens}`,
      finishReason: (seed + i) % 3 === 0 ? 'length' : 'stop',
    }),
    score: (ids, from) => ids.slice(from).map((id) => (id === 7 ? -Infinity : -id / 10)),
  })

const texts = (completions: readonly Completion[]): string[] => completions.map(({ text }) => text)

/** Asks a fresh model through the ledger in a folder, as a new process would. */
async function asked(folder: string, more: Partial<SampleOptions> = {}, of = seeded) {
  const bare = model()
  const kept = await ledger(bare, folder, of)
  const completions = await kept.sample(prompt, { ...options, ...more })
  await kept.close()
  return {
    completions,
    calls: bare.calls.map(({ options: { n, seed, maxTokens } }) => ({ n, seed, maxTokens })),
  }
}

test('an answer on disk is never asked for again', async () => {
  const folder = fresh()
  const first = await asked(folder)
  assert.equal(first.calls.length, 1)
  const second = await asked(folder)
  assert.deepEqual(second.calls, [])
  assert.deepEqual(second.completions, first.completions)
})

test('more samples ask only for those that are missing', async () => {
  const folder = fresh()
  const { completions } = await asked(folder)
  const more = await asked(folder, { n: 7 })
  assert.deepEqual(more.calls, [{ n: 3, seed: 104, maxTokens: 10 }])
  assert.deepEqual(more.completions.slice(0, 4), completions)
  assert.deepEqual(texts(more.completions.slice(4)), ['104 of 10', '105 of 10', '106 of 10'])
  assert.deepEqual((await asked(folder, { n: 2 })).calls, [])
})

test('a larger max_tokens keeps what stopped by itself; a cut-off answer is bought once for each limit', async () => {
  const folder = fresh()
  await asked(folder)
  // 102 was cut off at 10 tokens.
  const longer = await asked(folder, { maxTokens: 20 })
  assert.deepEqual(longer.calls, [{ n: 1, seed: 102, maxTokens: 20 }])
  assert.deepEqual(texts(longer.completions), ['100 of 10', '101 of 10', '102 of 20', '103 of 10'])
  assert.deepEqual((await asked(folder, { maxTokens: 20 })).calls, [])
  assert.deepEqual((await asked(folder)).calls, [], 'the first limit is still answered as it was')
  const shorter = await asked(folder, { maxTokens: 5 })
  assert.deepEqual(shorter.calls, [{ n: 4, seed: 100, maxTokens: 5 }], 'lengths are not known without ids')
})

test('a shorter max_tokens keeps answers whose ids fit in it', async () => {
  const folder = fresh()
  const ask = async (maxTokens: number) => {
    const bare = scriptedModel({ tokenizer, complete: (_, i) => 'x'.repeat(i + 1) })
    const kept = await ledger(bare, folder, seeded)
    const completions = await kept.sample(prompt, { ...options, maxTokens })
    await kept.close()
    return { completions, calls: bare.calls.map(({ options: { n, seed } }) => [n, seed]) }
  }
  // 2, 3, 4, 5 tokens with the end.
  await ask(10)
  const { calls } = await ask(3)
  assert.deepEqual(calls, [[2, 102]])
})

test('another endpoint, model, prompt, sampler or seed is another question', async () => {
  const folder = fresh()
  await asked(folder)
  for (const more of [{ temperature: 0.5 }, { topP: 0.9 }, { topK: 5 }, { seed: 7 }])
    assert.equal((await asked(folder, more)).calls.length, 1, JSON.stringify(more))
  assert.equal((await asked(folder, {}, { ...seeded, endpoint: 'http://there/v1' })).calls.length, 1)
  const other = model('other')
  const kept = await ledger(other, folder, seeded)
  await kept.sample(prompt, options)
  await kept.sample({ kind: 'text', text: 'q' }, options)
  await kept.sample({ kind: 'tokens', ids: [1, 2] }, options)
  await kept.sample({ kind: 'chat', messages: [{ role: 'user', content: 'p' }] }, options)
  assert.equal(other.calls.length, 4)
  await kept.close()
})

test('requests of few completions are kept one by one, so that a part that fails loses only itself', async () => {
  const folder = fresh()
  const bare = scriptedModel({
    complete: (_, i, { seed }) => (seed + i === 102 ? Promise.reject(new Error('no')) : String(seed + i)),
  })
  const kept = await ledger(bare, folder, { ...seeded, atOnce: 1 })
  await assert.rejects(kept.sample(prompt, options), /no/)
  await new Promise((done) => setTimeout(done, 50))
  await kept.close()
  const again = scriptedModel({ complete: (_, i, { seed }) => String(seed + i) })
  const mended = await ledger(again, folder, { ...seeded, atOnce: 1 })
  assert.deepEqual(texts(await mended.sample(prompt, options)), ['100', '101', '102', '103'])
  assert.deepEqual(
    again.calls.map(({ options: { seed } }) => seed),
    [102],
  )
  await mended.close()
})

test('a model that cannot begin at a later sample is asked for all, and what is there stays', async () => {
  const folder = fresh()
  const { completions } = await asked(folder, {}, {})
  const more = await asked(folder, { n: 6 }, {})
  assert.deepEqual(
    more.calls.map(({ n }) => n),
    [6],
  )
  assert.deepEqual(more.completions.slice(0, 4), completions)
  assert.deepEqual((await asked(folder, { n: 6 }, {})).calls, [])
})

test('equal questions at the same time are asked once, and a greedy answer once for all samples', async () => {
  const bare = model()
  const kept = await ledger(bare, fresh(), seeded)
  const both = await Promise.all([kept.sample(prompt, options), kept.sample(prompt, { ...options, n: 6 })])
  assert.deepEqual(
    bare.calls.map(({ options: { n } }) => n),
    [4, 2],
  )
  assert.deepEqual(both[1].slice(0, 4), both[0])
  const greedy = await kept.sample(prompt, { ...options, temperature: 0 })
  assert.equal(greedy.length, 4)
  assert.equal(bare.calls.at(-1)?.options.n, 1)
  await kept.close()
})

test('scores are kept too, those of impossible tokens included', async () => {
  const folder = fresh()
  const sampler = { temperature: 1, topP: 1, topK: 0 }
  const first = await ledger(model(), folder)
  const scores = await first.score([1, 7, 3], { ...sampler, from: 0 })
  assert.deepEqual(
    scores.map(({ logprob }) => logprob),
    [-0.1, -Infinity, -0.3],
  )
  await first.close()
  const again = await ledger({ ...model(), score: () => Promise.reject(new Error('asked')) }, folder)
  assert.deepEqual(await again.score([1, 7, 3], { ...sampler, from: 1 }), scores.slice(1))
  await assert.rejects(again.score([1, 7, 3], { ...sampler, temperature: 0.5, from: 0 }), /asked/)
  await again.close()
})

test('an intent without answer is reported, an answer that failed is not', async () => {
  const folder = fresh()
  const never = new Promise<string>(() => undefined)
  const book = await openLedger(folder)
  const hung = await ledger(scriptedModel({ complete: () => never }), book, seeded)
  void hung.sample(prompt, options)
  const failing = await ledger(
    scriptedModel({ id: 'f', complete: () => Promise.reject(new Error('no')) }),
    book,
  )
  await assert.rejects(failing.sample(prompt, options))
  await book.close()
  const after = await openLedger(folder)
  assert.deepEqual(after.found, { answers: 0, unanswered: 1, outdated: 0, corrupted: [], spent: [] })
  await after.close()
})

test('an intent whose request was interrupted stays open, whatever the reason says', async () => {
  const folder = fresh()
  const stop = new AbortController()
  const hung = scriptedModel({
    complete: () =>
      new Promise<string>((_, reject) => {
        stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error))
        // Not before it is asked: the intent may take a while to be on disk.
        setTimeout(() => stop.abort(new Error('interrupted')), 5)
      }),
  })
  const kept = await ledger(hung, folder, seeded)
  const asking = kept.sample(prompt, { ...options, signal: stop.signal })
  await assert.rejects(asking, /interrupted/)
  await kept.close()
  const book = await openLedger(folder)
  assert.equal(book.found.unanswered, 1)
  await book.close()
})

test('a corrupted record is reported and asked for again, and the others stay', async () => {
  const folder = fresh()
  await asked(folder)
  await asked(folder, { seed: 5 })
  const [name = ''] = (await readdir(folder)).sort()
  const bytes = await readFile(join(folder, name))
  // In the text of the answer, so that without a checksum it would be believed.
  const at = bytes.indexOf('101 of 10')
  assert.ok(at > 0)
  bytes[at] = '9'.charCodeAt(0)
  await writeFile(join(folder, name), bytes)
  const book = await openLedger(folder)
  assert.deepEqual([book.found.answers, book.found.corrupted.length], [1, 1])
  assert.match(book.found.corrupted[0] ?? '', /^000000-.*journal: \d+ bytes at \d+$/)
  await book.close()
  const again = await asked(folder)
  assert.equal(again.calls.length, 1)
  assert.equal(texts(again.completions)[1], '101 of 10')
  assert.deepEqual((await asked(folder, { seed: 5 })).calls, [])
})

test('usage is told once for each request, also when the answer was there', async () => {
  const folder = fresh()
  for (let run = 1; run <= 2; run++) {
    const told: unknown[] = []
    const bare = model()
    const usage = { promptTokens: 9, cachedTokens: 4, completionTokens: 20, reasoningTokens: 3 }
    const billed = {
      ...bare,
      sample: (...[of, wanted]: Parameters<typeof bare.sample>) => {
        wanted.onUsage?.(usage)
        return bare.sample(of, wanted)
      },
    }
    const kept = await ledger(billed, folder, seeded)
    await kept.sample(prompt, { ...options, onUsage: (one) => told.push(one) })
    assert.deepEqual(told, [usage])
    await kept.close()
  }
  const book = await openLedger(folder)
  assert.deepEqual(
    book.found.spent.map(({ who }) => who),
    ['http://here/v1#m'],
  )
  await book.close()
})
