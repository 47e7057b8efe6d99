import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { problemsOf, writeTrace } from '../../datasets/arithmetic/generate.ts'
import { makeTokenizer } from '../../datasets/arithmetic/tokenizer.ts'
import { passRate } from '../../datasets/arithmetic/measure.ts'
import { loadCheckpoint } from '../../src/nn/checkpoint.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { share } from '../../src/statistics/estimate.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { sha256OfFile } from '../../src/store/files.ts'

const datasets = join(import.meta.dirname, '..', '..', 'datasets')
const folderOf = (name: string): string => join(datasets, 'models', name)

void describe('the arithmetic tokenizer', () => {
  void it('is the one makeTokenizer writes, the same for teacher and student', async () => {
    const { tokenizer, config } = makeTokenizer()
    for (const name of ['teacher', 'student']) {
      const read = async (file: string): Promise<unknown> =>
        JSON.parse(await readFile(join(folderOf(name), file), 'utf8')) as unknown
      assert.deepEqual(await read('tokenizer.json'), tokenizer)
      assert.deepEqual(await read('tokenizer_config.json'), config)
    }
  })

  void it('gives every problem and trace back, knows every word, and stays under 110 tokens', async () => {
    const tokenizer = await loadTokenizer(folderOf('student'))
    const [unknown] = tokenizer.encode('<|unknown|>')
    for (const split of ['train', 'development', 'held-out'] as const) {
      for (const problem of problemsOf(split, 9, 1000)) {
        const trace = writeTrace(problem, { stepwise: 0.5, slips: 0.5 }, rngFor(9, problem.id))
        const text = `${tokenizer.renderChat([{ role: 'user', content: problem.problem }])}${trace}${tokenizer.eos.text}`
        const ids = tokenizer.encode(text)
        assert.equal(tokenizer.decode(ids), text)
        assert.ok(!ids.includes(unknown as number), text)
        assert.ok(ids.length <= 110, text)
      }
    }
  })

  void it('splits a text between problem and trace into the same ids as the whole', async () => {
    const tokenizer = await loadTokenizer(folderOf('student'))
    const [problem] = problemsOf('train', 9, 1)
    const [a, b] = [`${problem?.problem ?? ''}<|solve|>`, ' get 8*4=32; #### 32<|end|>']
    assert.deepEqual([...tokenizer.encode(a), ...tokenizer.encode(b)], [...tokenizer.encode(a + b)])
  })
})

void describe('the tiny models', () => {
  for (const [name, low, high] of [
    ['teacher', 0.93, 1],
    ['student', 0.35, 0.7],
  ] as const) {
    void it(`${name} solves between ${low} and ${high} of the development problems at temperature 1`, async () => {
      const sampler = await createWasmSampler(await loadCheckpoint(folderOf(name)))
      const tokenizer = await loadTokenizer(folderOf(name))
      const rate = await passRate(sampler, tokenizer, join(datasets, 'arithmetic', 'development.jsonl'), 1)
      assert.ok(share(rate) >= low && share(rate) <= high, `${rate.successes}/${rate.trials}`)
    })

    void it(`${name}'s card names the bytes that lie beside it`, async () => {
      const card = await readFile(join(folderOf(name), 'README.md'), 'utf8')
      for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']) {
        assert.ok(card.includes(`| ${file} | \`${await sha256OfFile(join(folderOf(name), file))}\` |`), file)
      }
    })
  }
})
