import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backend } from '../nn/backend.ts'
import { toParameters } from '../nn/network.ts'
import { writeWhole } from '../store/files.ts'
import type { PreferencePair, Sides } from './dpo.ts'
import type { Items } from './items.ts'
import type { TrainingInput } from './loop.ts'
import type { Network } from './objective.ts'

/** Log-probabilities of a pair's sides under the reference, summed over tokens, nats. */
export interface Reference {
  readonly chosen: number
  readonly rejected: number
}

type SidesOf = (network: Network, pairs: readonly PreferencePair[]) => Sides

/** Pairs forward at once. Not an option: a value must not depend, not even in its last bit, on who computed it. */
const chunk = 8

/** The pairs with what the starting model says of them. Computed once and kept beside the pairs, under the sha256 of the
 *  model and the id of the pairs (which has the shards' sha256); the file ends in a sha256 of its own. */
export async function referencesOf<Pair extends PreferencePair>(
  backend: Backend,
  input: Pick<TrainingInput, 'model' | 'modelId' | 'options'>,
  items: Items<Pair>,
  sidesOf: SidesOf,
): Promise<Items<Pair & { readonly reference: Reference }>> {
  const key = JSON.stringify(['reference/1', input.modelId, items.id, backend.name, chunk])
  const name = `reference-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.f32`
  const path = join(items.cacheFolder ?? join(input.options.out, 'cache'), name)
  let values = await kept(path, items.count)
  if (values === null) {
    values = await compute(backend, input.model, items, sidesOf)
    const bytes = new Uint8Array(values.buffer)
    await writeWhole(path, Buffer.concat([bytes, createHash('sha256').update(bytes).digest()]))
  }
  const known = values
  const referenceAt = (i: number): Reference => ({
    chosen: known[2 * i] as number,
    rejected: known[2 * i + 1] as number,
  })
  return {
    ...items,
    read: async (indices) =>
      (await items.read(indices)).map(({ item, place }, k) => ({
        item: { ...item, reference: referenceAt(indices[k] as number) },
        place,
      })),
  }
}

/** Two float32 a pair, then the sha256 of those; null where there is no whole file. */
async function kept(path: string, count: number): Promise<Float32Array | null> {
  const bytes = await readFile(path).catch(() => null)
  if (bytes === null || bytes.length !== 8 * count + 32) return null
  const values = Uint8Array.from(bytes.subarray(0, 8 * count))
  const sum = createHash('sha256').update(values).digest()
  return sum.equals(bytes.subarray(8 * count)) ? new Float32Array(values.buffer) : null
}

async function compute(
  backend: Backend,
  model: TrainingInput['model'],
  items: Items<PreferencePair>,
  sidesOf: SidesOf,
): Promise<Float32Array> {
  const { tf } = backend
  const parameters = toParameters(backend, model)
  const network = { backend, config: model.config, parameters, recompute: false }
  const values = new Float32Array(2 * items.count)
  for (let at = 0; at < items.count; at += chunk) {
    const size = Math.min(chunk, items.count - at)
    const pairs = await items.read(Array.from({ length: size }, (_, i) => at + i))
    const sides = tf.tidy(() => {
      const { chosen, rejected } = sidesOf(
        network,
        pairs.map(({ item }) => item),
      )
      return tf.stack([chosen, rejected], 1)
    })
    values.set(await sides.data(), 2 * at)
    sides.dispose()
  }
  tf.dispose(parameters)
  return values
}
