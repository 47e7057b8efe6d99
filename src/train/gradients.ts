import type { NamedTensorMap, Scalar, Tensor } from '@tensorflow/tfjs'
import { trainableOf } from '../nn/network.ts'
import type { Network, Objective, Sums } from './objective.ts'

/** Part of a batch whose activations are in memory together. */
export interface MicroBatch<Item> {
  readonly items: readonly Item[]
  /** 1 / weight of the whole batch. */
  readonly scale: number
}

/** What one micro-batch adds to its batch. */
export interface Part {
  readonly loss: number
  readonly shown: Readonly<Record<string, number>>
}

interface BatchGradients {
  /** In the order of the micro-batches. */
  readonly parts: readonly Part[]
  /** Summed in the same order, by variable name; the caller disposes them. */
  readonly gradients: NamedTensorMap
}

/** Where gradients are computed: in this thread or in several. The sums are the same to the last bit. */
export interface GradientEngine<Item> {
  gradients(micros: readonly MicroBatch<Item>[]): Promise<BatchGradients>
  close(): Promise<void>
}

interface Pending {
  readonly loss: Scalar
  readonly shown: Readonly<Record<string, Tensor>>
  readonly gradients: NamedTensorMap
}

/** Loss and gradients of one micro-batch, on the backend. */
export function microGradients<Item, Settings>(
  network: Network,
  objective: Objective<Item, Settings>,
  { items, scale }: MicroBatch<Item>,
  settings: Settings,
): Pending {
  const { tf } = network.backend
  let shown: Record<string, Tensor> = {}
  const { value, grads } = tf.variableGrads(
    () => {
      const sums: Sums = objective(network, items, settings)
      const scaled = Object.entries(sums.shown).map(([name, sum]) => [name, tf.keep(sum.mul(scale))] as const)
      shown = Object.fromEntries(scaled)
      return sums.loss.mul<Scalar>(scale)
    },
    Object.values(trainableOf(network.parameters)),
  )
  return { loss: value, shown, gradients: grads }
}

/** Reads and disposes the numbers of a micro-batch. */
export async function readPart({ loss, shown }: Pending): Promise<Part> {
  const read = async (tensor: Tensor): Promise<number> => {
    const [value] = await tensor.data()
    tensor.dispose()
    return value as number
  }
  const names = Object.entries(shown).map(async ([name, tensor]) => [name, await read(tensor)] as const)
  return { loss: await read(loss), shown: Object.fromEntries(await Promise.all(names)) }
}

/** Gradients in this thread, one micro-batch after the other. */
export function localEngine<Item, Settings>(
  network: Network,
  objective: Objective<Item, Settings>,
  settings: Settings,
): GradientEngine<Item> {
  const { tf } = network.backend
  return {
    gradients: async (micros) => {
      const parts: Part[] = []
      let sum: NamedTensorMap | undefined
      for (const micro of micros) {
        const pending = microGradients(network, objective, micro, settings)
        parts.push(await readPart(pending))
        const before = sum
        sum = pending.gradients
        if (before === undefined) continue
        for (const [name, gradient] of Object.entries(pending.gradients)) {
          const summed = before[name] as Tensor
          sum[name] = summed.add(gradient)
          tf.dispose([summed, gradient])
        }
      }
      return { parts, gradients: sum ?? {} }
    },
    close: () => Promise.resolve(),
  }
}
