import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { localModel } from '../../src/model/local.ts'
import { llamaModel } from '../../src/model/llama.ts'
import type { Completion, Model } from '../../src/model/model.ts'
import { openModel } from '../../src/model/open.ts'
import { type LoadedCheckpoint, loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import { exportGguf, exportGgufAdapter } from '../../src/nn/gguf-model.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { initialAdapter, saveAdapter } from '../../src/nn/lora.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { findLlama, withoutLlama } from '../fixtures/node-llama-cpp.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'

const library = await findLlama()
const skip = library === null ? withoutLlama : false
const folder = mkdtempSync(join(tmpdir(), 'fulcrum-llama-'))
const rule = { temperature: 0.9, topP: 0.97, topK: 40, minP: 0.005 }

async function opened(checkpoint: LoadedCheckpoint, width: number, adapter?: string): Promise<Model> {
  const file = join(folder, `${checkpoint.name}.gguf`)
  await exportGguf(file, checkpoint)
  return llamaModel(file, {
    ...{ tokenizer: checkpoint.folder, adapter, width, gpu: false, threads: 1 },
    ...(library !== null && { library }),
  })
}

/** Completions are equal, their probabilities to 1e-4; and so are the scores of what was drawn. */
async function agree(
  llama: Model,
  local: Model,
  ids: readonly number[],
  n: number,
  maxTokens: number,
): Promise<void> {
  const options = { ...rule, n, maxTokens, seed: 11 }
  const prompt = { kind: 'tokens', ids } as const
  const [found, want] = [await llama.sample(prompt, options), await local.sample(prompt, options)]
  const texts = (all: readonly Completion[]): unknown[] =>
    all.map(({ text, finishReason }) => [text, finishReason])
  assert.deepEqual(texts(found), texts(want))
  for (const [i, one] of found.entries()) {
    close(one.logprobs ?? [], want[i]?.logprobs ?? [])
    close(one.modelLogprobs ?? [], want[i]?.modelLogprobs ?? [])
    const given = [...ids, ...(one.tokenIds ?? [])]
    const scores = await llama.score(given, { ...rule, from: ids.length })
    close(
      scores.map(({ logprob }) => logprob),
      one.logprobs ?? [],
    )
  }
}

function close(found: readonly number[], want: readonly number[]): void {
  assert.equal(found.length, want.length)
  found.forEach((logprob, i) => {
    const difference = Math.abs(Math.exp(logprob) - Math.exp(want[i] as number))
    assert.ok(difference < 1e-4, `token ${i}: probabilities differ by ${difference}`)
  })
}

for (const name of ['student', 'teacher']) {
  test(
    `llama.cpp samples the embedded ${name} as the local engine does, seed by seed`,
    { skip },
    async () => {
      const path = join('datasets', 'models', name)
      const local = await localModel(path, { workers: 1 })
      // Fewer branches than completions: they take turns, and the next prompt keeps what it shares with the last.
      const llama = await opened(await loadCheckpoint(path), 5)
      for (const problem of ['Tom has 4 apples.', 'Tom has 4 pens. Ana gives 3.']) {
        await agree(llama, local, [...(local.tokenizer?.encode(`${problem}<|solve|>`) ?? [])], 12, 40)
      }
      await Promise.all([llama.close(), local.close()])
    },
  )
}

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  test(
    `${architecture}: a GGUF of ours, and a LoRA GGUF beside it, give the local engine's probabilities`,
    { skip },
    async () => {
      const base = join(folder, `tiny-${architecture}`)
      await writeByteTokenizer(folder)
      const size = { vocabSize: 259, hiddenSize: 32, maxPositions: 64 }
      await saveCheckpoint(base, tinyCheckpoint(architecture, size), { tokenizerFrom: folder })
      const checkpoint = await loadCheckpoint(base)
      const ids = Array.from({ length: 20 }, (_, i) => 3 + ((i * 37) % 256))
      const plain = await localModel(base, { workers: 1 })
      const llama = await opened(checkpoint, 8)
      await agree(llama, plain, ids, 4, 12)
      await llama.close()
      const targetModules =
        architecture === 'phi3' ? ['qkv_proj', 'down_proj'] : ['q_proj', 'k_proj', 'v_proj', 'gate_proj']
      const fresh = initialAdapter(checkpoint.config, { rank: 3, alpha: 6, targetModules }, 5)
      const weights = [...fresh.weights].map(
        ([name, { shape, data }]) =>
          [name, { shape, data: data.map((value, i) => value + Math.sin(i) / 4) }] as const,
      )
      const adapter = { ...fresh, weights: new Map(weights) }
      const [peft, lora] = [join(base, 'adapter'), join(base, 'lora.gguf')]
      await saveAdapter(peft, adapter, { baseModel: base })
      await exportGgufAdapter(lora, checkpoint.config, adapter)
      const adapted = await localModel(base, { workers: 1, adapter: peft })
      const before = await plain.score(ids, { ...rule, from: 1 })
      assert.notDeepEqual(await adapted.score(ids, { ...rule, from: 1 }), before)
      const llamaAdapted = await opened(checkpoint, 8, lora)
      await agree(llamaAdapted, adapted, ids, 4, 12)
      await Promise.all([plain.close(), adapted.close(), llamaAdapted.close()])
    },
  )
}

test('an aborted signal ends a llama.cpp call at its next step', { skip }, async () => {
  const llama = await opened(await loadCheckpoint('datasets/models/student'), 8)
  const stop = new AbortController()
  const options = { ...rule, n: 400, maxTokens: 96, seed: 1 }
  const calls = [1, 2].map(() =>
    llama.sample({ kind: 'tokens', ids: [7, 1] }, { ...options, signal: stop.signal }),
  )
  const ends = Promise.allSettled(calls)
  await new Promise((resolve) => setTimeout(resolve, 100))
  stop.abort(new Error('enough'))
  for (const end of await ends)
    assert.equal(end.status === 'rejected' && (end.reason as Error).message, 'enough')
  assert.equal((await llama.sample({ kind: 'tokens', ids: [7, 1] }, { ...options, n: 1 })).length, 1)
  await llama.close()
})

test(
  "llama.cpp's own tokenizer cuts text as ours does: bytes by GPT-2's pattern, and the embedded vocabulary",
  { skip },
  async () => {
    const llama = await (library as unknown as Tokenizing).getLlama({ gpu: false, logLevel: 'error' })
    const bytes = join(folder, 'bytes')
    await writeByteTokenizer(folder)
    await saveCheckpoint(bytes, tinyCheckpoint('qwen2', { vocabSize: 259, hiddenSize: 32 }), {
      tokenizerFrom: folder,
    })
    for (const [path, text, want] of [
      [bytes, "Así it's 12*3 = 36,\n\n  done 🎉<|end|>", 'same'],
      [
        'datasets/models/student',
        'Tom has 42 apples and 17 pens. stepwise 42+17=59; #### 59<|end|>',
        'may differ',
      ],
    ] as const) {
      const modelPath = join(folder, 'tokenizer.gguf')
      assert.equal(await exportGguf(modelPath, await loadCheckpoint(path)), want)
      const model = await llama.loadModel({ modelPath, vocabOnly: true })
      const known = (await loadTokenizer(path)).encode(text).filter((id) => want === 'same' || id !== 2)
      assert.deepEqual([...model.tokenize(text, true)], known)
      await model.dispose()
    }
    await llama.dispose()
  },
)

interface Tokenizing {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      tokenize(text: string, special: boolean): readonly number[]
      dispose(): Promise<void>
    }>
    dispose(): Promise<void>
  }>
}

test('a tokenizer of another model is refused before anything is sampled', { skip }, async () => {
  await writeByteTokenizer(folder)
  const checkpoint = { ...tinyCheckpoint('llama', { vocabSize: 300, hiddenSize: 32, eosTokenId: 5 }) }
  const path = join(folder, 'other')
  await saveCheckpoint(path, checkpoint, { tokenizerFrom: folder })
  await assert.rejects(opened(await loadCheckpoint(path), 2), /a text ends with token 0 there and 5 here/)
})

test('a GGUF file without a tokenizer folder, or without a file, is refused with the next step', async () => {
  await assert.rejects(openModel('model.gguf'), /model.gguf comes without a tokenizer/)
  await assert.rejects(
    openModel('nowhere.gguf', { tokenizer: 'datasets/models/student' }),
    /Cannot read nowhere.gguf/,
  )
})
