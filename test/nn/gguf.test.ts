import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import { exportGguf, exportGgufAdapter } from '../../src/nn/gguf-model.ts'
import { initialAdapter } from '../../src/nn/lora.ts'
import type { Weight } from '../../src/nn/safetensors.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { tinyCheckpoint } from './tiny.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-gguf-'))

interface Gguf {
  readonly metadata: Map<string, unknown>
  readonly tensors: Map<string, { shape: number[]; at: number; data: Float32Array }>
}

/** A reader of the specification's own words (ggml/docs/gguf.md), for F32 files. */
function readGguf(path: string): Gguf {
  const bytes = readFileSync(path)
  let at = 0
  const uint32 = (): number => bytes.readUInt32LE((at += 4) - 4)
  const uint64 = (): number => Number(bytes.readBigUInt64LE((at += 8) - 8))
  const text = (): string => {
    const length = uint64()
    return bytes.toString('utf8', at, (at += length))
  }
  const readers: Record<number, () => unknown> = {
    4: uint32,
    5: () => bytes.readInt32LE((at += 4) - 4),
    6: () => bytes.readFloatLE((at += 4) - 4),
    7: () => bytes[at++] === 1,
    8: text,
    9: () => {
      const type = uint32()
      return Array.from({ length: uint64() }, () => readers[type]?.())
    },
  }
  assert.equal(bytes.toString('latin1', 0, 4), 'GGUF')
  at = 4
  assert.equal(uint32(), 3)
  const [tensorCount, keyCount] = [uint64(), uint64()]
  const metadata = new Map(
    Array.from({ length: keyCount }, () => {
      const key = text()
      return [key, readers[uint32()]?.()] as const
    }),
  )
  const infos = Array.from({ length: tensorCount }, () => {
    const name = text()
    const shape = Array.from({ length: uint32() }, uint64)
    assert.equal(uint32(), 0, `${name} is F32`)
    return { name, shape, offset: uint64() }
  })
  const start = Math.ceil(at / 32) * 32
  const tensors = infos.map(({ name, shape, offset }) => {
    assert.equal(offset % 32, 0)
    const count = shape.reduce((product, size) => product * size, 1)
    const from = start + offset
    assert.ok(from + 4 * count <= bytes.length)
    const data = new Float32Array(new Uint8Array(bytes.subarray(from, from + 4 * count)).buffer)
    return [name, { shape, at: from, data }] as const
  })
  return { metadata, tensors: new Map(tensors) }
}

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  test(`${architecture}: every weight stands in the GGUF file once, rows of llama's queries and keys interleaved`, async () => {
    const path = join(folder, architecture)
    await writeByteTokenizer(folder)
    await saveCheckpoint(path, tinyCheckpoint(architecture, { vocabSize: 261 }), { tokenizerFrom: folder })
    const checkpoint = await loadCheckpoint(path)
    await exportGguf(join(path, 'model.gguf'), checkpoint)
    const { metadata, tensors } = readGguf(join(path, 'model.gguf'))
    assert.equal(tensors.size, checkpoint.weights.size)
    assert.equal(metadata.get('general.architecture'), architecture)
    assert.equal(metadata.get(`${architecture}.rope.dimension_count`), architecture === 'phi3' ? 4 : 8)
    assert.equal((metadata.get('tokenizer.ggml.tokens') as string[]).length, 261)
    assert.equal((metadata.get('tokenizer.ggml.tokens') as string[])[260], '[PAD260]')
    const embedding = checkpoint.weights.get('model.embed_tokens.weight') as Weight
    assert.deepEqual(tensors.get('token_embd.weight')?.shape, [24, 261])
    assert.deepEqual(tensors.get('token_embd.weight')?.data, embedding.data)
    const q = architecture === 'phi3' ? 'qkv' : 'q'
    const ours = checkpoint.weights.get(`model.layers.1.self_attn.${q}_proj.weight`) as Weight
    const theirs = tensors.get(`blk.1.attn_${q}.weight`)
    const row = (data: Float32Array | undefined, at: number): Float32Array | undefined =>
      data?.slice(at * 24, (at + 1) * 24)
    // Pairs of a head of 8 are (0, 4), (1, 5).. in Hugging Face's layout and neighbours in llama.cpp's.
    const order = architecture === 'llama' ? [0, 4, 1, 5, 2, 6, 3, 7] : [0, 1, 2, 3, 4, 5, 6, 7]
    order.forEach((from, to) => assert.deepEqual(row(theirs?.data, 8 + to), row(ours.data, 8 + from)))
  })
}

test('a LoRA file names its base tensors, its alpha, and A and B by their shapes', async () => {
  const { config } = tinyCheckpoint('llama')
  const adapter = initialAdapter(config, { rank: 2, alpha: 8, targetModules: ['k_proj', 'down_proj'] }, 1)
  await exportGgufAdapter(join(folder, 'lora.gguf'), config, adapter)
  const { metadata, tensors } = readGguf(join(folder, 'lora.gguf'))
  assert.equal(metadata.get('general.type'), 'adapter')
  assert.equal(metadata.get('adapter.lora.alpha'), 8)
  assert.equal(tensors.size, 8)
  assert.deepEqual(tensors.get('blk.0.attn_k.weight.lora_a')?.shape, [24, 2])
  assert.deepEqual(tensors.get('blk.0.attn_k.weight.lora_b')?.shape, [2, 16])
  assert.deepEqual(tensors.get('blk.1.ffn_down.weight.lora_a')?.shape, [40, 2])
})

test('a model whose tokenizer has more tokens than rows is refused with both numbers', async () => {
  const path = join(folder, 'small')
  await writeByteTokenizer(folder)
  await saveCheckpoint(path, tinyCheckpoint('llama'), { tokenizerFrom: folder })
  await assert.rejects(
    exportGguf(join(path, 'model.gguf'), await loadCheckpoint(path)),
    /has token 258, the model's vocabulary ends at 12/,
  )
})
