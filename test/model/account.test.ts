import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { FulcrumError } from '../../src/errors.ts'
import { openAccount } from '../../src/model/account/account.ts'
import { costOf, type Price, priceOf, readPrices } from '../../src/model/account/prices.ts'
import { countersOf, createPurse } from '../../src/model/account/purse.ts'
import { mostTokens, usageIn } from '../../src/model/http/usage.ts'
import { connect, options, prompt, serve, tokenizer, vllm } from './http-setup.ts'

const root = await mkdtemp(join(tmpdir(), 'fulcrum-account-'))
after(() => rm(root, { recursive: true }))

const here = 'http://here/v1#m'
const price: Price = {
  model: 'm',
  input: 2,
  cached_input: 0.5,
  output: 8,
  source: 'made up',
  date: '2026-01-01',
}
const usage = { promptTokens: 1000, cachedTokens: 400, completionTokens: 500, reasoningTokens: 200 }

test('cached tokens cost what they cost, thinking is output, and a model that is not listed has no price', () => {
  assert.equal(costOf(price, usage), (600 * 2 + 400 * 0.5 + 500 * 8) / 1e6)
  assert.equal(costOf({ ...price, cached_input: undefined }, usage), (1000 * 2 + 500 * 8) / 1e6)
  assert.equal(priceOf([price], 'http://here/v1#other'), null)
  const hosted = { ...price, endpoint: 'https://api.example.com/' }
  assert.equal(priceOf([hosted], here), null, 'a name alone is not the hosted model')
  assert.equal(priceOf([hosted, price], 'https://api.example.com/v1#m'), hosted)
})

test('shipped prices have date and source, and those of a file of the user come first', async () => {
  const shipped = await readPrices()
  assert.ok(shipped.length > 0)
  for (const { endpoint, source, date } of shipped) {
    assert.ok(endpoint?.startsWith('https://'))
    assert.match(source, /https:/)
    assert.match(date, /^20\d\d-/)
  }
  const file = join(root, 'prices.json')
  await writeFile(
    file,
    JSON.stringify({ format: 'fulcrum-prices/1', models: [{ ...price, model: 'gpt-4o', input: 99 }] }),
  )
  assert.equal(priceOf(await readPrices(file), 'https://api.openai.com/v1#gpt-4o')?.input, 99)
})

test('a price table that is none is refused with what is wrong', async () => {
  const file = join(root, 'wrong.json')
  for (const [text, says] of [
    ['{', /wrong\.json is no price table/],
    [
      '{"format":"fulcrum-prices/1","models":[{"model":"m","input":-1,"output":"x"}]}',
      /models\.0\.input.*models\.0\.output/,
    ],
  ] as const) {
    await writeFile(file, text)
    await assert.rejects(readPrices(file), says)
  }
})

test('the cost does not depend on the order of answers, nor on where a run was cut off', () =>
  fc.assert(
    fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 40 }), fc.nat(), (tokens, at) => {
      const cheap = { ...price, input: 0.15, output: 0.6 }
      const spend = (order: readonly number[], before: number) => {
        const purse = createPurse([cheap], {})
        for (let i = 0; i < before; i++) purse.use(here, { ...usage, promptTokens: 1234 + i })
        const since = purse.mark()
        for (const completionTokens of order) purse.use(here, { ...usage, completionTokens })
        return countersOf(since())
      }
      assert.deepEqual(spend([...tokens].reverse(), at % 50), spend(tokens, 0))
    }),
  ))

test('a cap in dollars ends in what is spent, and how to go on', () => {
  const capped = createPurse([price], { costUsd: 0.01 })
  capped.pay(here, usage)
  capped.check()
  capped.pay(here, usage)
  assert.throws(
    () => capped.check(),
    (error) => {
      assert.ok(error instanceof FulcrumError && error.code === 'budget')
      assert.match(error.message, /\$0\.0108 of at most \$0\.01 are spent/)
      assert.match(error.hint, /Raise --max-cost and run the same command again/)
      return true
    },
  )
})

test('a cap holds for what earlier attempts paid too, and a part of a run has its part of it', async () => {
  const folder = join(root, 'shared')
  const bill = async (index: number, count: number, requests: number) => {
    const account = await openAccount({ ledger: folder, caps: { tokens: 3000 }, share: { index, count } })
    for (let i = 0; i < requests; i++) {
      account.purse.check()
      const question = { who: here, prompt: `${index} of ${count}`, sampler: String(i) }
      const part = { first: 0, n: 0, maxTokens: 1 }
      await account.ledger?.sample(question, part, () => Promise.resolve({ completions: [], usage }))
    }
    await account.close()
    const again = await openAccount({ ledger: folder, caps: { tokens: 3000 }, share: { index, count } })
    await again.close()
    return again.purse
  }
  const first = await bill(0, 2, 1)
  assert.throws(() => first.check(), /1500 of at most 1500 tokens/)
  const second = await bill(1, 2, 0)
  second.check()
  const whole = await bill(0, 1, 0)
  whole.check()
  assert.equal(whole.paid.requests, 1, 'what was spent under another split counts for all')
})

test('a cap in dollars is refused for a model without a price, where a cap of tokens holds', () => {
  assert.throws(
    () => createPurse([], { costUsd: 1 }).requirePrices([here]),
    /http:\/\/here\/v1#m has no price/,
  )
  const capped = createPurse([], { tokens: 1500 })
  capped.requirePrices([here])
  capped.pay(here, usage)
  assert.throws(() => capped.check(), /1500 of at most 1500 tokens/)
  assert.equal(capped.paid.unpricedTokens, 1500)
  assert.deepEqual(Object.keys(countersOf(capped.paid)).includes('cost_usd'), false, 'unknown is not zero')
})

test('usage is read with cached and reasoning tokens, and a reply without it counts as the most it can have taken', () => {
  const most = mostTokens({ prompt: [1, 2, 3], n: 4, max_tokens: 10 })
  assert.deepEqual([most.promptTokens, most.completionTokens], [3, 40])
  assert.deepEqual(
    usageIn(
      {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 50,
          prompt_tokens_details: { cached_tokens: 64 },
          completion_tokens_details: { reasoning_tokens: 30 },
        },
      },
      most,
    ),
    { promptTokens: 100, cachedTokens: 64, completionTokens: 50, reasoningTokens: 30 },
  )
  assert.deepEqual(usageIn({ choices: [] }, most), most)
  assert.deepEqual(usageIn('<html>', most), most)
})

test('a model pays from where it joins, and what the ledger answers is used but not paid for again', async () => {
  const server = await serve(vllm)
  const folder = join(root, 'ledger')
  const spent: number[][] = []
  for (let attempt = 0; attempt < 2; attempt++) {
    const model = await connect(server)
    const account = await openAccount({ ledger: folder })
    const before = server.requests.length
    model.paid?.join(account)
    const since = account.purse.mark()
    await model.sample(prompt(tokenizer), options)
    const { used, paid } = account.purse
    assert.equal(server.requests.length - before, attempt === 0 ? 1 : 0)
    assert.deepEqual(used, since())
    spent.push([used.requests, used.completionTokens, paid.requests, paid.completionTokens])
    await account.close()
  }
  assert.deepEqual(spent, [
    [1, 20, 1, 20],
    [1, 20, 1, 20],
  ])
})
