import { parentPort, workerData } from 'node:worker_threads'
import type { Tensor, Variable } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import { type BackendName, openBackend } from '../nn/backend.ts'
import type { Parameters } from '../nn/network.ts'
import { microGradients, readPart } from './gradients.ts'
import type { Network, Objective } from './objective.ts'
import { objectives } from './objectives.ts'
import type { WorkerAnswer, WorkerStart, WorkerTask } from './workers.ts'

const start = workerData as WorkerStart
const weights = new Float32Array(start.weights)
const buffers = start.gradients.map((gradient) => new Float32Array(gradient))
const objective = objectives[start.objective] as unknown as Objective<unknown, unknown>
const opened = open()
let stepOfWeights = 0

parentPort?.on('message', (task: WorkerTask) => {
  void answer(task).then((reply) => parentPort?.postMessage(reply))
})

async function open(): Promise<Network> {
  const backend = await openBackend(start.backend as BackendName)
  const { tf } = backend
  const frozen = new Float32Array(start.frozen)
  const entries = start.slots.map(({ name, shape, offset, size, trainable }) => {
    const values = (trainable ? weights : frozen).slice(offset, offset + size)
    return [name, tf.tidy(() => tf.variable(tf.tensor(values, [...shape]), trainable))] as const
  })
  const parameters: Parameters = Object.fromEntries(entries)
  return { backend, config: start.config, parameters, recompute: start.recompute }
}

async function answer({ step, micro, buffer }: WorkerTask): Promise<WorkerAnswer> {
  try {
    const network = await opened
    if (step !== stepOfWeights) takeWeights(network)
    stepOfWeights = step
    const pending = microGradients(network, objective, micro, start.settings)
    const part = await readPart(pending)
    const flat = buffers[buffer] as Float32Array
    for (const { name, offset, trainable } of start.slots) {
      if (!trainable) continue
      const gradient = pending.gradients[(network.parameters[name] as Variable).name] as Tensor
      flat.set(await gradient.data(), offset)
      gradient.dispose()
    }
    return { part }
  } catch (error) {
    if (error instanceof FulcrumError) return { error: { message: error.message, hint: error.hint } }
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { error: { message, hint: 'Report this.' } }
  }
}

function takeWeights({ backend: { tf }, parameters }: Network): void {
  for (const { name, shape, offset, size, trainable } of start.slots) {
    if (!trainable) continue
    const values = weights.slice(offset, offset + size)
    tf.tidy(() => (parameters[name] as Variable).assign(tf.tensor(values, [...shape])))
  }
}
