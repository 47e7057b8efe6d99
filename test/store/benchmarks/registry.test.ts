import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { benchmarkNamed, registry } from '../../../src/store/benchmarks/registry.ts'
import { benchmarkSchema } from '../../../src/store/benchmarks/schema.ts'
import { splitFiles } from '../../../src/store/benchmarks/split-files.ts'

const folder = join(import.meta.dirname, '../../../datasets/benchmarks')
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
const valid = JSON.parse(readFileSync(join(folder, 'gsm8k.json'), 'utf8')) as Record<string, unknown>

/** Phi-4 (arXiv 2412.08905), appendix B.1. */
const ofPhi4 =
  'arc-easy mbpp phibench commonsense-qa winogrande mcphi medqa math agieval piqa openbookqa hellaswag gpqa mt-bench mmlu-pro gsm8k humaneval arena-hard arc-challenge mmlu'

for (const file of files) {
  test(`datasets/benchmarks/${file} fits the schema and is named as its benchmark`, () => {
    const parsed = benchmarkSchema.safeParse(JSON.parse(readFileSync(join(folder, file), 'utf8')))
    assert.equal(parsed.error?.message, undefined)
    assert.equal(`${String(parsed.data?.name)}.json`, file)
    const places = parsed.data?.parts.map(
      ({ dataset, config, split }) => `${String(dataset)} ${config} ${split}`,
    )
    assert.equal(new Set(places).size, places?.length, 'a part stands twice')
  })
}

test('every benchmark that Phi-4 was decontaminated against is known, whatever the case of its name', () => {
  for (const name of ofPhi4.split(' ')) assert.equal(benchmarkNamed(name.toUpperCase())?.name, name)
  assert.equal(registry().length, files.length)
  assert.equal(benchmarkNamed('no-such'), null)
})

test('what cannot be had says why, and no licence is left blank', () => {
  for (const { source, licence } of registry()) {
    if (source.kind === 'unobtainable') assert.match(source.reason, /\w/)
    assert.match(licence, /^(MIT|Apache-2\.0|CC .*|unknown: check before use)$/)
  }
})

test('a file that lacks something, has something else or contradicts itself is refused', () => {
  const broken: [Record<string, unknown>, RegExp][] = [
    [{ licence: undefined }, /licence/],
    [{ extra: 1 }, /extra/],
    [{ name: 'GSM 8K' }, /name/],
    [{ parts: [] }, /has parts/],
    [{ columns: { answer: [] } }, /no question column/],
    [{ parts: [{ config: 'main', split: 'test', rows: 0, sha256: null }] }, /rows/],
    [{ parts: [{ config: 'main', split: 'test', rows: 1, sha256: ['abc'] }] }, /sha256/],
    [{ parts: [{ config: 'main', split: 'test', rows: 1, sha256: ['0'.repeat(64)] }] }, /without the commit/],
    [{ columns: { question: ['q'], answer: [{ path: 'a', is: 'number' }] } }, /answer/],
  ]
  assert.equal(benchmarkSchema.safeParse(valid).success, true)
  for (const [change, message] of broken) {
    const { error } = benchmarkSchema.safeParse({ ...valid, ...change })
    assert.match(error?.message ?? 'accepted', message)
  }
})

test('the files of a split are found in every layout of the Hub, and no others', () => {
  const find = (config: string, split: string, paths: string[], named?: string[]) =>
    splitFiles(
      paths.map((path) => ({ path, bytes: 1, sha256: null, gitOid: '' })),
      { config, split, ...(named !== undefined && { files: named }) },
    ).map(({ path }) => path)
  assert.deepEqual(
    find('all', 'test', [
      'all/test-00001-of-00002.parquet',
      'all/test-00000-of-00002.parquet',
      'all/validation-00000-of-00001.parquet',
      'abstract_algebra/test-00000-of-00001.parquet',
    ]),
    ['all/test-00000-of-00002.parquet', 'all/test-00001-of-00002.parquet'],
  )
  assert.deepEqual(
    find('default', 'test', ['README.md', 'data/test-00000-of-00001.parquet', 'data/testing.parquet']),
    ['data/test-00000-of-00001.parquet'],
  )
  assert.deepEqual(find('snarks', 'test', ['snarks/test/0000.parquet', 'snarks/test/index.duckdb']), [
    'snarks/test/0000.parquet',
  ])
  assert.deepEqual(find('default', 'validation', ['piqa_test.parquet', 'piqa_validation.parquet']), [
    'piqa_validation.parquet',
  ])
  assert.deepEqual(find('default', 'test', ['test.json', 'train.json', 'test.csv']), ['test.json'])
  assert.deepEqual(
    find('v5', 'test', ['test.jsonl', 'test2.jsonl', 'test3.jsonl'], ['test.jsonl', 'test2.jsonl']),
    ['test.jsonl', 'test2.jsonl'],
  )
  assert.deepEqual(
    find('v5', 'test', ['test.jsonl'], ['test.jsonl', 'test2.jsonl']),
    [],
    'all of them or none',
  )
  assert.deepEqual(find('main', 'test', ['other/test.parquet']), [])
})
