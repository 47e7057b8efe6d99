import { rngFor } from '../statistics/random.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type DecoderConfig, tensorShapes } from './config.ts'
import type { Weight } from './safetensors.ts'

/** Random weights to train from scratch: normal(0, .02), residual projections scaled by 1/sqrt(2 layers) as in
 *  GPT-2 (Radford et al. 2019, section 2.3), norms 1, biases 0. Each tensor has its own keyed stream. */
export function initialCheckpoint(config: DecoderConfig, seed: number): Checkpoint {
  const weights = new Map<string, Weight>()
  for (const [name, shape] of tensorShapes(config)) {
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1))
    if (name.endsWith('norm.weight')) data.fill(1)
    else if (!name.endsWith('.bias')) {
      const residual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight')
      fillNormal(data, residual ? 0.02 / Math.sqrt(2 * config.layers) : 0.02, seed, name)
    }
    weights.set(name, { shape, data })
  }
  return { config, weights }
}

/** Box-Muller. */
function fillNormal(data: Float32Array, deviation: number, seed: number, name: string): void {
  const random = rngFor(seed, 'initial-weights', name)
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random.next()))
    const angle = 2 * Math.PI * random.next()
    data[i] = radius * Math.cos(angle)
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle)
  }
}
