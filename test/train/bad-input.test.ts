import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { FulcrumError } from '../../src/errors.ts'
import { openBackend } from '../../src/nn/backend.ts'
import type { Checkpoint } from '../../src/nn/checkpoint.ts'
import { toParameters } from '../../src/nn/network.ts'
import { adamW } from '../../src/train/adamw.ts'
import { inMemory } from '../../src/train/items.ts'
import { trainSft } from '../../src/train/sft.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'
import { tinyOptions, trainTiny } from './tiny-training.ts'

const fresh = (): string => join(mkdtempSync(join(tmpdir(), 'fulcrum-bad-training-')), 'run')
const checkpoints = (out: string): string[] => readdirSync(join(out, 'checkpoints')).sort()

/** The tiny model whose embedding of token 12 is broken. */
function poisoned(): Checkpoint {
  const { config, weights } = tinyCheckpoint('qwen2')
  const name = 'model.embed_tokens.weight'
  const { shape, data } = weights.get(name) ?? { shape: [], data: new Float32Array() }
  const bad = data.map((value, i) => (Math.floor(i / config.hiddenSize) === 12 ? NaN : value))
  return { config, weights: new Map(weights).set(name, { shape, data: bad }) }
}

for (const workers of [1, 2]) {
  test(`a loss that is no number stops the run with the rows it came from (${workers} threads)`, async () => {
    const out = fresh()
    const examples = Array.from({ length: 40 }, (_, i) => ({
      promptIds: i === 29 ? [3, 12, 1] : [3, 1 + (i % 11), 1],
      completionIds: [5, 0],
    }))
    const stopped = await trainSft({
      model: poisoned(),
      modelId: 'poisoned',
      tokenizerFrom: out,
      data: [{ items: inMemory('examples', examples), epochs: 1 }],
      options: tinyOptions(out, { workers, microBatchSize: 1, checkpointEvery: 1, seed: 4 }),
    }).then(
      () => assert.fail('it went through'),
      (error: unknown) => error as FulcrumError,
    )
    assert.ok(stopped instanceof FulcrumError)
    const [, step] =
      /^Step (\d+) has loss NaN and gradient norm NaN, in examples item 29$/.exec(stopped.message) ?? []
    assert.ok(step !== undefined, stopped.message)
    assert.match(stopped.hint, /kept in .*\/run\/checkpoints/)
    assert.ok(Number(step) > 1, 'the seed puts the row into a later step')
    assert.equal(checkpoints(out).at(-1), `step-${String(Number(step) - 1).padStart(8, '0')}`)
    assert.ok(!existsSync(join(out, 'model.safetensors')))
  })
}

test('a checkpoint is only dropped when a step after the next one was good', async () => {
  const out = fresh()
  const wild = trainTiny('sft', out, {
    checkpointEvery: 1,
    learningRate: 1e25,
    clipNorm: 1e9,
    warmupSteps: 0,
  })
  await assert.rejects(wild, /^FulcrumError: Step 2 has loss .* gradient norm NaN, in tiny item/)
  assert.deepEqual(checkpoints(out), ['step-00000001'])
})

test('a disk that fills up at a checkpoint is said, loses nothing, and the run goes on with room again', async () => {
  const script = fileURLToPath(new URL('tiny-training.ts', import.meta.url))
  const [out, whole] = [fresh(), fresh()]
  const args = ['--import', 'tsx', script, 'sft', out]
  const first = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let steps = 0
  first.stdout.on('data', (bytes: Buffer) => {
    steps += bytes.toString().split('\n').length - 1
    if (steps >= 5) first.kill('SIGKILL')
  })
  await new Promise((done) => first.on('exit', done))
  const before = checkpoints(out).filter((name) => !name.endsWith('.partial'))
  assert.ok(before.length > 0)

  // The model takes 50 KiB, its moments 100: files of at most 64 KiB are as good as a full disk, and need no mount.
  const limited = spawnSync('bash', ['-c', 'ulimit -f 64; exec "$@"', 'bash', process.execPath, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  })
  assert.notEqual(limited.status, 0)
  assert.match(limited.stderr, /Cannot write .*optimizer\.safetensors: EFBIG/)
  const after = checkpoints(out)
  assert.ok(after.length > 0)
  assert.deepEqual(
    after.filter((name) => name.endsWith('.partial')),
    [],
  )
  assert.equal(after.at(-1), before.at(-1))

  await trainTiny('sft', out)
  await trainTiny('sft', whole)
  const weights = (folder: string): Buffer => readFileSync(join(folder, 'model.safetensors'))
  assert.deepEqual(weights(out), weights(whole))
})

test('a checkpoint without a moment is refused by its name', async () => {
  const backend = await openBackend('wasm')
  const parameters = toParameters(backend, tinyCheckpoint('llama'))
  const options = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 }
  const whole = await adamW(backend, parameters, options).state()
  whole.delete('v.model.norm.weight')
  assert.throws(() => adamW(backend, parameters, options, whole), /has no v\.model\.norm\.weight/)
  whole.set('v.model.norm.weight', { shape: [3], data: new Float32Array(3) })
  assert.throws(() => adamW(backend, parameters, options, whole), /has a misshapen v\.model\.norm\.weight/)
})

test('no module of that name to adapt: the names that there are', async () => {
  const lora = { rank: 2, alpha: 2, targetModules: ['qkv_proj'] }
  await assert.rejects(
    trainTiny('sft', fresh(), { lora }),
    (error: FulcrumError) => /no module qkv_proj/.test(error.message) && /q_proj/.test(error.hint),
  )
})

test('threads are for backends that use one: others say so', async () => {
  await openBackend('wasm')
  const { workerEngine } = await import('../../src/train/workers.ts')
  const native = { backend: { name: 'tfjs-node', tf: {} } } as never
  await assert.rejects(
    workerEngine(native, { objective: 'sft', settings: {}, workers: 2 }),
    /--workers 2 is for the backends wasm and cpu; tfjs-node uses the whole machine/,
  )
})
