import type { BatchMatMulAttrs, KernelFunc, TensorInfo } from '@tensorflow/tfjs'
import type { TensorFlow } from './backend.ts'

interface Inputs {
  readonly a: TensorInfo
  readonly b: TensorInfo
}

let done = false

/** Makes dense products of the wasm backend fast. Stock tfjs-wasm reaches XNNPACK only when neither side is
 *  transposed (29.8 against 2.5 GFLOP/s), and every dense backward pass needs both transposes; so a transposed
 *  side of a single matrix is written out first. test/bench/train.bench.ts measures it. */
export function speedUpWasm(tf: TensorFlow): void {
  if (done) return
  done = true
  const stock = tf.getKernel('BatchMatMul', 'wasm')
  const transpose = tf.getKernel('Transpose', 'wasm').kernelFunc
  tf.unregisterKernel('BatchMatMul', 'wasm')
  tf.registerKernel({ ...stock, kernelFunc: withoutTransposes(stock.kernelFunc, transpose) })
}

function withoutTransposes(matMul: KernelFunc, transpose: KernelFunc): KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const { a, b } = inputs as unknown as Inputs
    const { transposeA, transposeB } = attrs as unknown as BatchMatMulAttrs
    const single = (x: TensorInfo): boolean => x.shape.slice(0, -2).every((n) => n === 1)
    if (!(transposeA || transposeB) || !single(a) || !single(b))
      return matMul({ inputs, attrs: attrs ?? {}, backend })
    const temporaries: TensorInfo[] = []
    const upright = (x: TensorInfo, turned: boolean): TensorInfo => {
      if (!turned) return x
      const rank = x.shape.length
      const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2]
      const y = transpose({ inputs: { x }, attrs: { perm }, backend }) as TensorInfo
      temporaries.push(y)
      return y
    }
    const sides = { a: upright(a, transposeA), b: upright(b, transposeB) }
    const out = matMul({ inputs: sides, attrs: { transposeA: false, transposeB: false }, backend })
    for (const y of temporaries) (backend as { disposeData(id: object): void }).disposeData(y.dataId)
    return out
  }
}
