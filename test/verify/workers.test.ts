import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FulcrumError } from '../../src/errors.ts'
import { openVerifier } from '../../src/verify/open.ts'
import { mathAnswer } from '../../src/verify/math/math-answer.ts'
import { inWorkers } from '../../src/verify/workers.ts'

const trouble = {
  module: new URL('../fixtures/verifiers.ts', import.meta.url).href,
  export: 'trouble',
}

test('threads say what the rule says, in whatever order they answer', async () => {
  const fixture = readFileSync(new URL('./fixtures/math-pairs.jsonl', import.meta.url), 'utf8')
  const pairs = fixture
    .trim()
    .split('\n')
    .slice(0, 150)
    .map((line) => JSON.parse(line) as { answer: string; reference: string })
  const verifier = await openVerifier('math', { workers: { size: 2, timeoutMs: 60_000 } })
  assert.equal(verifier.id, mathAnswer.id)
  const found = await Promise.all(
    pairs.map(async ({ answer, reference }) => verifier.verify(`\\boxed{${answer}}`, reference, '')),
  )
  const expected = pairs.map(({ answer, reference }) => mathAnswer.verify(`\\boxed{${answer}}`, reference))
  assert.deepEqual(found, expected)
  await verifier.close?.()
  await assert.rejects(async () => verifier.verify('1', '1', ''), /is closed/)
})

test('a thread that loops, dies or takes all memory costs its own pair only', async () => {
  const verifier = await inWorkers(trouble, { timeoutMs: 4000, memoryMb: 64, size: 1 })
  assert.equal(verifier.id, 'trouble/1')
  const asked = ['5', 'loop', '5', 'exit', '6', 'memory', '5'].map(async (text) =>
    verifier.verify(text, '5', ''),
  )
  const found = await Promise.all(asked)
  assert.deepEqual(
    found.map(({ verdict }) => verdict),
    ['equal', 'unparsed', 'equal', 'unparsed', 'different', 'unparsed', 'equal'],
  )
  assert.equal(found[1]?.reason, 'took longer than 4000 ms')
  assert.equal(found[3]?.reason, 'its thread ended with code 3')
  // A busy machine may need more than the time for it.
  assert.match(found[5]?.reason ?? '', /^needed more than 64 MB$|^took longer than 4000 ms$/)
  await verifier.close?.()
})

test('closing answers what waits, and a verifier that does not exist is an error', async () => {
  const verifier = await inWorkers(trouble, { size: 1, timeoutMs: 60_000 })
  const asked = ['loop', '5'].map(async (text) => verifier.verify(text, '5', ''))
  await verifier.close?.()
  for (const { reason } of await Promise.all(asked)) assert.equal(reason, 'the verifier was closed')
  await assert.rejects(
    inWorkers({ ...trouble, export: 'nothing' }),
    (error) =>
      error instanceof FulcrumError && error.code === 'verify' && /could not start/.test(error.message),
  )
  await assert.rejects(openVerifier('guess'), /There is no verifier guess/)
})
