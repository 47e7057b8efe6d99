/** A training step of the embedded decoder on tfjs-wasm: stock against ours, kept against recomputed layers, and one long
 *  row against several short ones of as many tokens (what packing would make of a batch):
 *  `node --import ./test/bench/strip-types.js test/bench/train.bench.ts`. */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { type Backend, openBackend } from '../../src/nn/backend.ts'
import type { DecoderConfig } from '../../src/nn/config.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { logProbsAt, toParameters } from '../../src/nn/network.ts'
import { type Figure, main } from './figure.ts'
import { studentConfig } from './student-config.ts'

/** Model S of the engine figures: 3.16 M parameters. */
const small: DecoderConfig = {
  ...studentConfig,
  vocabSize: 512,
  hiddenSize: 256,
  intermediateSize: 688,
  heads: 8,
  headDim: 32,
  maxPositions: 2048,
}

interface Shape {
  readonly config: DecoderConfig
  readonly batch: number
  readonly length: number
  readonly recompute?: boolean
}

/** Tokens per CPU-second of forward, loss and gradients, and the most bytes of tensors alive at once. */
async function step(
  backend: Backend,
  { config, batch, length, recompute = false }: Shape,
  steps: number,
): Promise<{ speed: number; bytes: number }> {
  const parameters = toParameters(backend, initialCheckpoint(config, 1))
  const ids = Int32Array.from({ length: batch * length }, (_, i) => (i * 7919) % config.vocabSize)
  const inputs = backend.tf.tensor2d(ids, [batch, length], 'int32')
  const targets = backend.tf.tensor1d(
    ids.map((id) => (id * 31 + 7) % config.vocabSize),
    'int32',
  )
  const one = async (): Promise<void> => {
    const { value, grads } = backend.tf.variableGrads(
      () =>
        logProbsAt(backend, config, parameters, inputs, 'all', targets, { recompute })
          .mean()
          .neg()
          .asScalar(),
      Object.values(parameters),
    )
    await value.data()
    backend.tf.dispose([value, ...Object.values(grads)])
  }
  const { peakBytes } = await backend.tf.profile(one) // and a warm-up
  const start = process.cpuUsage()
  for (let i = 0; i < steps; i++) await one()
  const { user, system } = process.cpuUsage(start)
  backend.tf.dispose([inputs, targets])
  backend.tf.dispose(parameters)
  return { speed: (steps * batch * length) / ((user + system) / 1e6), bytes: peakBytes }
}

const embedded: Shape = { config: studentConfig, batch: 16, length: 72 }
const larger: Shape = { config: small, batch: 8, length: 128 }

export async function bench(): Promise<Figure[]> {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`)
  await tf.setBackend('wasm')
  await tf.ready()
  // Stock first: opening our backend replaces the kernel for the whole process.
  const plain: Backend = { name: 'wasm', tf, note: 'stock' }
  const stock = [await step(plain, embedded, 3), await step(plain, larger, 1)]
  const backend = await openBackend('wasm')
  const ours = [await step(backend, embedded, 6), await step(backend, larger, 3)]
  const figure = (name: string, value: number, unit: string, baseline: string, ratio: number): Figure => ({
    bench: 'train',
    case: name,
    value,
    unit,
    baseline,
    ratio,
  })
  const speeds = ['0.8 M decoder, 16 x 72 tokens', '3.2 M decoder, 8 x 128 tokens'].map((name, i) => {
    const [own, theirs] = [ours[i]?.speed ?? NaN, stock[i]?.speed ?? NaN]
    return figure(`${name}, forward + backward`, own, 'tokens/CPU-s', 'stock tfjs-wasm', own / theirs)
  })

  const kept = await step(backend, larger, 3)
  const again = await step(backend, { ...larger, recompute: true }, 3)
  const memory = figure('recomputed: bytes alive', again.bytes / 1e6, 'MB', 'kept', again.bytes / kept.bytes)
  const cost = figure('recomputed: speed', again.speed, 'tokens/CPU-s', 'kept', again.speed / kept.speed)

  const packed: Figure[] = []
  const short = await step(backend, embedded, 6)
  for (const rows of [4, 16]) {
    const { speed } = await step(backend, { ...embedded, batch: 16 / rows, length: 72 * rows }, 3)
    const name = `${rows} examples of 72 tokens in a row, ${16 / rows} rows`
    packed.push(figure(name, speed, 'tokens/CPU-s', '16 rows of one', speed / short.speed))
  }
  return [...speeds, memory, cost, ...packed]
}

await main(import.meta.url, bench)
