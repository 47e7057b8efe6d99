import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRecords } from '../../src/store/records.ts'
import { locate } from '../../src/store/bundled.ts'
import type { Tokenizer } from '../../src/model/model.ts'
import { localModel } from '../../src/model/local.ts'
import { rejectionSample } from '../../src/stages/traces/rejection-sample.ts'
import { teachable } from '../../src/stages/teachable.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'
import { runStage } from './run-stage.ts'

test('the shipped student: pass rates in steps with exact rollouts, and correct traces drawn until there are two', async () => {
  const rows: Record<string, unknown>[] = []
  for await (const { value } of readRecords(locate('datasets/arithmetic/problems.jsonl')))
    if (value !== null && rows.push({ ...value, id: `p${rows.length}`, answer: String(value.answer) }) === 6)
      break
  const student = await localModel(locate('datasets/models/student'), { workers: 1 })
  const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 96 }
  try {
    const gate = teachable({
      student,
      verifier: numericAnswer,
      rollouts: 24,
      low: 0.2,
      high: 0.8,
      ...sampler,
    })
    const { kept, dropped, counters } = await runStage(gate, rows)
    const all = [...kept, ...dropped.map(({ row }) => row)]
    assert.equal(all.length, rows.length)
    const tokenizer = student.tokenizer as Tokenizer
    for (const row of all) {
      const verdicts = row.gate_verdicts as boolean[]
      const texts = (row.gate_rollout_ids as number[][]).map((ids) => tokenizer.decode(ids))
      assert.equal(texts.length, row.n_rollouts)
      for (const [i, text] of texts.entries()) {
        const ended = text.endsWith(tokenizer.eos.text)
        const answer = numericAnswer.verify(text.replace(tokenizer.eos.text, ''), row.answer as string)
        assert.equal(verdicts[i], ended && answer.verdict === 'equal', text)
      }
    }
    assert.ok((counters.gate_rollouts_saved ?? 0) > 0)
    const draws = rejectionSample({
      teacher: student,
      verifier: numericAnswer,
      wanted: 2,
      most: 16,
      batch: 8,
      ...sampler,
    })
    const found = await runStage(
      draws,
      kept.slice(0, 2).map(({ id, problem, answer }) => ({ id, problem, answer })),
    )
    assert.equal(found.kept.length + found.dropped.length, found.counters.traces_drawn)
    assert.ok(found.kept.every(({ verdict, prompt_ids: ids }) => verdict === 'equal' && ids !== null))
    assert.ok(found.kept.length > 0)
  } finally {
    await student.close()
  }
})
