import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import fc from 'fast-check'
import { loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import { readSafetensors, writeSafetensors } from '../../src/nn/safetensors.ts'
import { tinyCheckpoint } from './tiny.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'fulcrum-checkpoint-'))

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  test(`${architecture}: a saved folder loads as it was, and twice saved is the same bytes`, async () => {
    const [a, b] = [folder(), folder()]
    const checkpoint = tinyCheckpoint(architecture)
    await saveCheckpoint(a, checkpoint, { tokenizerFrom: a })
    await saveCheckpoint(b, checkpoint, { tokenizerFrom: b })
    const loaded = await loadCheckpoint(a)
    assert.deepEqual(loaded.config, checkpoint.config)
    for (const [name, { shape, data }] of checkpoint.weights) {
      assert.deepEqual([...(loaded.weights.get(name)?.shape ?? [])], [...shape])
      assert.deepEqual(loaded.weights.get(name)?.data, data)
    }
    assert.deepEqual(readFileSync(join(a, 'model.safetensors')), readFileSync(join(b, 'model.safetensors')))
  })
}

test('a missing and a misshapen tensor are named together', async () => {
  const at = folder()
  const { config, weights } = tinyCheckpoint('llama')
  const broken = new Map(weights)
  broken.delete('model.norm.weight')
  broken.set('model.layers.1.mlp.up_proj.weight', { shape: [2, 3], data: new Float32Array(6) })
  await saveCheckpoint(at, { config, weights: broken }, { tokenizerFrom: at })
  await assert.rejects(
    loadCheckpoint(at),
    (error: Error) =>
      error.message.includes('model.layers.1.mlp.up_proj.weight is [2, 3], the config wants [40, 24]') &&
      error.message.includes('model.norm.weight is missing'),
  )
})

test('a folder without a file, a config of another model, and a cut weight file each say so', async () => {
  const at = folder()
  await assert.rejects(loadCheckpoint(at), /Cannot read .*config\.json/)
  writeFileSync(join(at, 'config.json'), '{"model_type":"gpt2"}')
  await assert.rejects(loadCheckpoint(at), /model_type: .*vocab_size: /)
  await saveCheckpoint(at, tinyCheckpoint('llama'), { tokenizerFrom: at })
  const path = join(at, 'model.safetensors')
  writeFileSync(path, readFileSync(path).subarray(0, -10))
  await assert.rejects(loadCheckpoint(at), /is not a whole safetensors file/)
  rmSync(path)
  await assert.rejects(loadCheckpoint(at), /Cannot read .*model\.safetensors/)
})

test('hostile safetensors headers are refused', () => {
  const file = (header: unknown, data = 16): Uint8Array => {
    const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
    const bytes = Buffer.alloc(8 + text.length + data)
    bytes.writeBigUInt64LE(BigInt(text.length))
    text.copy(bytes, 8)
    return bytes
  }
  const entry = (over: object): object => ({
    a: { dtype: 'F32', shape: [4], data_offsets: [0, 16], ...over },
  })
  assert.equal(readSafetensors(file(entry({})), 'x').get('a')?.data.length, 4)
  for (const bad of [
    '{',
    '[]',
    'null',
    entry({ shape: [5] }),
    entry({ shape: [-4] }),
    entry({ shape: [2 ** 40, 2 ** 40] }),
    entry({ dtype: 'I64' }),
    entry({ data_offsets: [0, 32], shape: [8] }),
    entry({ data_offsets: [8, 24] }),
    entry({ data_offsets: 'ab' }),
    { ...entry({}), b: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } },
  ]) {
    assert.throws(
      () => readSafetensors(file(bad), 'x'),
      /is not a whole safetensors file/,
      JSON.stringify(bad),
    )
  }
  assert.throws(() => readSafetensors(Buffer.from('ffffffffffffff7f00', 'hex'), 'x'), /header is cut off/)
  assert.throws(() => readSafetensors(Buffer.alloc(3), 'x'), /header is cut off/)
})

test('half floats of both kinds read as the numbers they are', () => {
  const words = (dtype: string, values: readonly number[]): Uint8Array => {
    const text = Buffer.from(
      JSON.stringify({ a: { dtype, shape: [values.length], data_offsets: [0, 2 * values.length] } }),
    )
    const bytes = Buffer.alloc(8 + text.length + 2 * values.length)
    bytes.writeBigUInt64LE(BigInt(text.length))
    text.copy(bytes, 8)
    values.forEach((value, i) => bytes.writeUInt16LE(value, 8 + text.length + 2 * i))
    return bytes
  }
  const f16 = readSafetensors(words('F16', [0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3555]), 'x').get(
    'a',
  )?.data
  assert.deepEqual(Array.from(f16 ?? []), [1, -2, 2 ** -24, 65504, -0, 0.333251953125])
  const bf16 = readSafetensors(words('BF16', [0x3f80, 0xc000, 0x4049]), 'x').get('a')?.data
  assert.deepEqual(Array.from(bf16 ?? []), [1, -2, 3.140625])
})

test('any weights survive the round trip', () => {
  const weights = fc.dictionary(fc.string({ minLength: 1 }), fc.float32Array({ maxLength: 8 }), {
    noNullPrototype: true,
  })
  fc.assert(
    fc.property(weights, (given) => {
      const names = Object.entries(given).filter(([name]) => name !== '__metadata__' && name !== '__proto__')
      const map = new Map(names.map(([name, data]) => [name, { shape: [data.length], data }]))
      const back = readSafetensors(writeSafetensors(map), 'x')
      assert.deepEqual(new Set(back.keys()), new Set(map.keys()))
      for (const [name, { data }] of map) assert.deepEqual(back.get(name)?.data, data)
    }),
  )
})
