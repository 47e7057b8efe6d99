import type { Tensor } from '@tensorflow/tfjs'
import type { Backend } from './backend.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { DecoderConfig } from './config.ts'
import { initialCheckpoint } from './initial.ts'
import { logits, toParameters } from './network.ts'
import { referenceLogits } from './reference.ts'
import type { Weight } from './safetensors.ts'

const config: DecoderConfig = {
  architecture: 'llama',
  vocabSize: 11,
  hiddenSize: 16,
  intermediateSize: 24,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  ropeTheta: 10000,
  rotaryShare: 1,
  normEpsilon: 1e-5,
  tieEmbeddings: true,
  attentionBias: false,
  maxPositions: 16,
  eosTokenId: 0,
  bosTokenId: null,
}
const ids = [3, 1, 4, 1, 5, 9, 2, 6]

/** Throws unless the backend computes logits within 1e-4 of the float64 reference, and gradients that agree
 *  with its finite differences within 1 %. */
export async function selfTest(backend: Backend): Promise<void> {
  const { tf } = backend
  // Weights of ordinary size: at .02 every logit would be near 0 and a wrong kernel would pass.
  const initial = initialCheckpoint(config, 7)
  const checkpoint: Checkpoint = {
    config,
    weights: new Map([...initial.weights].map(([n, w]) => [n, scaled(n, w)])),
  }
  const parameters = toParameters(backend, checkpoint)
  try {
    await checkLogits(backend, checkpoint, parameters)
    await checkGradient(backend, checkpoint, parameters)
  } finally {
    tf.dispose(parameters)
  }
}

const scaled = (name: string, { shape, data }: Weight): Weight =>
  name.endsWith('norm.weight') ? { shape, data } : { shape, data: data.map((value) => value * 10) }

async function checkLogits(
  backend: Backend,
  checkpoint: Checkpoint,
  parameters: ReturnType<typeof toParameters>,
): Promise<void> {
  const { tf } = backend
  const out = tf.tidy(() => logits(backend, config, parameters, tf.tensor2d([ids], undefined, 'int32')))
  const got = await out.data()
  out.dispose()
  const want = referenceLogits(checkpoint, ids).flatMap((row) => [...row])
  const worst = Math.max(...want.map((value, i) => Math.abs(value - (got[i] as number))))
  if (!(worst <= 1e-4)) throw new Error(`self-test: logits differ by ${worst} from the float64 reference`)
}

const checked = [
  'model.embed_tokens.weight',
  'model.layers.0.self_attn.k_proj.weight',
  'model.layers.1.mlp.up_proj.weight',
  'model.layers.0.input_layernorm.weight',
]

/** Gradient of the summed squares of the logits along itself, against a central difference in float64. */
async function checkGradient(
  backend: Backend,
  checkpoint: Checkpoint,
  parameters: ReturnType<typeof toParameters>,
): Promise<void> {
  const { tf } = backend
  const chosen = checked.map((name) => parameters[name] as NonNullable<(typeof parameters)[string]>)
  const { value, grads } = tf.variableGrads(
    () =>
      tf.tidy(() =>
        logits(backend, config, parameters, tf.tensor2d([ids], undefined, 'int32'))
          .square()
          .sum()
          .asScalar(),
      ),
    chosen,
  )
  value.dispose()
  for (const [i, name] of checked.entries()) {
    const grad = grads[(chosen[i] as { name: string }).name] as Tensor
    const direction = await grad.data()
    const length = Math.hypot(...direction)
    const step = 1e-4
    const at = (sign: number): number => squares(checkpoint, name, direction, (sign * step) / length)
    const want = (at(1) - at(-1)) / (2 * step)
    if (!(Math.abs(want - length) <= 0.01 * length)) {
      throw new Error(`self-test: gradient of ${name} is ${length}, finite differences say ${want}`)
    }
  }
  tf.dispose(grads)
}

function squares(checkpoint: Checkpoint, name: string, direction: ArrayLike<number>, step: number): number {
  const weight = checkpoint.weights.get(name) as Weight
  // float64 values in a Weight's clothes: rounding to float32 would drown the difference
  const moved = Float64Array.from(weight.data, (value, i) => value + step * (direction[i] as number))
  const weights = new Map(checkpoint.weights).set(name, {
    shape: weight.shape,
    data: moved as unknown as Float32Array,
  })
  let sum = 0
  for (const row of referenceLogits({ config, weights }, ids)) for (const value of row) sum += value * value
  return sum
}
