/** A training step of the embedded decoder on tfjs-wasm, stock against the matmul override: `npx tsx test/bench/train.bench.ts`. */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { type Backend, openBackend } from '../../src/nn/backend.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { logProbsAt, toParameters } from '../../src/nn/network.ts'
import { type Figure, main } from './figure.ts'
import { studentConfig } from './student-config.ts'

const [batch, length, steps] = [16, 72, 3]

/** Tokens per CPU-second of forward, loss and gradients. */
async function trainingSpeed(backend: Backend): Promise<number> {
  const parameters = toParameters(backend, initialCheckpoint(studentConfig, 1))
  const ids = Int32Array.from({ length: batch * length }, (_, i) => (i * 7919) % studentConfig.vocabSize)
  const inputs = backend.tf.tensor2d(ids, [batch, length], 'int32')
  const targets = backend.tf.tensor1d(
    ids.map((id) => (id * 31 + 7) % studentConfig.vocabSize),
    'int32',
  )
  const step = async (): Promise<void> => {
    const { value, grads } = backend.tf.variableGrads(() =>
      logProbsAt(backend, studentConfig, parameters, inputs, 'all', targets).mean().neg().asScalar(),
    )
    await value.data()
    backend.tf.dispose([value, ...Object.values(grads)])
  }
  await step() // warm-up
  const start = process.cpuUsage()
  for (let i = 0; i < steps; i++) await step()
  const { user, system } = process.cpuUsage(start)
  backend.tf.dispose([inputs, targets])
  backend.tf.dispose(parameters)
  return (steps * batch * length) / ((user + system) / 1e6)
}

export async function bench(): Promise<Figure[]> {
  setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`)
  await tf.setBackend('wasm')
  await tf.ready()
  // Stock first: opening our backend replaces the kernel for the whole process.
  const stock = await trainingSpeed({ name: 'wasm', tf, note: 'stock' })
  const ours = await trainingSpeed(await openBackend('wasm'))
  return [
    {
      bench: 'train',
      case: '0.8 M decoder, 16 x 72 tokens, forward + backward',
      value: ours,
      unit: 'tokens/CPU-s',
      baseline: 'stock tfjs-wasm',
      ratio: ours / stock,
    },
  ]
}

await main(import.meta.url, bench)
