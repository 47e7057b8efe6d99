/** What docs/gpu.md wants, in one command: `npm run measure:gpu`. Every backend that works here passes the parity
 *  self-test (logits within 1e-4 of float64, gradients against finite differences), then samples and trains random
 *  models of 3 M and 110 M parameters; the CPU's backend and our SIMD kernels are in the same run. Each backend has a
 *  process of its own. `--small` leaves out the large model. */
import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Backend, type BackendName, openBackend, probeBackend } from '../../src/nn/backend.ts'
import type { Checkpoint } from '../../src/nn/checkpoint.ts'
import { type DecoderConfig, tensorShapes } from '../../src/nn/config.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { logProbsAt, toParameters } from '../../src/nn/network.ts'
import { createSampler, type Sampler } from '../../src/nn/sampler.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { studentConfig } from '../bench/student-config.ts'

const small: DecoderConfig = {
  ...studentConfig,
  ...{
    vocabSize: 512,
    hiddenSize: 256,
    intermediateSize: 688,
    heads: 8,
    headDim: 32,
    kvHeads: 4,
    eosTokenId: 511,
  },
}
const large: DecoderConfig = {
  ...studentConfig,
  ...{ layers: 12, vocabSize: 32000, hiddenSize: 768, intermediateSize: 2048 },
  ...{ heads: 12, headDim: 64, kvHeads: 12, eosTokenId: 31999 },
}
const ladder = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm'] as const
const arguments_ = process.argv.slice(2)

interface Row {
  readonly backend: string
  readonly model: string
  /** Tokens a second by the clock; null where a backend does not do it. */
  readonly rollouts: number
  readonly training: number | null
}

/** 32 completions of 32 tokens on one 64-token prompt. */
async function rolloutSpeed(sampler: Sampler): Promise<number> {
  const prompt = Array.from({ length: 64 }, (_, i) => (i * 37) % 509)
  const options = { temperature: 1, topP: 1, topK: 0, n: 32, seeds: [1] }
  await sampler.generate([prompt], { ...options, maxTokens: 2 })
  const start = performance.now()
  const [drawn = []] = await sampler.generate([prompt], { ...options, maxTokens: 32 })
  return perSecond(
    drawn.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0),
    start,
  )
}

/** Forward, loss and gradients of every weight, 2 x 128 tokens a step; after one step to warm up. */
async function trainingSpeed(
  backend: Backend,
  { config, ...checkpoint }: Checkpoint,
  steps: number,
): Promise<number> {
  const { tf } = backend
  const [batch, length] = [2, 128]
  const parameters = toParameters(backend, { config, ...checkpoint })
  const ids = Int32Array.from({ length: batch * length }, (_, i) => (i * 7919) % config.vocabSize)
  const inputs = tf.tensor2d(ids, [batch, length], 'int32')
  const targets = tf.tensor1d(
    ids.map((id) => (id * 31 + 7) % config.vocabSize),
    'int32',
  )
  const first = (parameters['model.layers.0.input_layernorm.weight'] as { name: string }).name
  const step = async (): Promise<void> => {
    const { value, grads } = tf.variableGrads(() =>
      logProbsAt(backend, config, parameters, inputs, 'all', targets).mean().neg().asScalar(),
    )
    // A GPU computes behind our back: the first layer's gradient comes when the backward pass is through.
    await Promise.all([value.data(), grads[first]?.data()])
    tf.dispose([value, ...Object.values(grads)])
  }
  await step()
  const start = performance.now()
  for (let i = 0; i < steps; i++) await step()
  const speed = perSecond(steps * batch * length, start)
  tf.dispose([inputs, targets])
  tf.dispose(parameters)
  return speed
}

const perSecond = (tokens: number, start: number): number => (tokens * 1000) / (performance.now() - start)

function sizes(): [string, DecoderConfig, number][] {
  const count = (config: DecoderConfig): string => {
    const shapes = [...tensorShapes(config).values()]
    const total = shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0)
    return `${(total / 1e6).toFixed(1)} M`
  }
  const all: [string, DecoderConfig, number][] = [[count(small), small, 3]]
  if (!arguments_.includes('--small')) all.push([count(large), large, 1])
  return all
}

/** One backend, in this process. */
async function measure(name: BackendName): Promise<Row[]> {
  const backend = await openBackend(name)
  const rows: Row[] = []
  for (const [model, config, steps] of sizes()) {
    console.error(`${name}, ${model}`)
    const checkpoint = initialCheckpoint(config, 1)
    if (name === 'wasm') {
      const rollouts = await rolloutSpeed(await createWasmSampler(checkpoint))
      rows.push({ backend: 'our SIMD kernels, one thread', model, rollouts, training: null })
    }
    const sampler = createSampler(backend, checkpoint)
    const rollouts = await rolloutSpeed(sampler)
    sampler.dispose()
    rows.push({
      backend: `${name} (${backend.note})`,
      model,
      rollouts,
      training: await trainingSpeed(backend, checkpoint, steps),
    })
  }
  return rows
}

/** This script in a process of its own: native addons do not mix. */
function again(mode: '--try' | '--backend', name: BackendName): { stdout: string; status: number | null } {
  const self = ['--import', 'tsx', fileURLToPath(import.meta.url), mode, name, ...arguments_]
  return spawnSync(process.execPath, self, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function measureApart(name: BackendName): Row[] {
  const { stdout, status } = again('--backend', name)
  if (status === 0) return JSON.parse(stdout) as Row[]
  console.log(`${name}: the measurement failed, see above`)
  return []
}

function print(rows: readonly Row[]): void {
  const figure = (value: number | null): string => (value === null ? '-' : value.toFixed(value < 100 ? 1 : 0))
  const wasm = (model: string): Row | undefined =>
    rows.find((row) => row.model === model && row.backend.startsWith('wasm'))
  const ratio = (value: number | null, base: number | null | undefined): string =>
    value === null || base == null ? '' : ` (${(value / base).toFixed(2)} x wasm)`
  console.log('\n| backend | model | rollouts, tokens/s | training, tokens/s |\n| --- | --- | --- | --- |')
  for (const { backend, model, rollouts, training } of rows) {
    const base = wasm(model)
    const [drawn, trained] = [ratio(rollouts, base?.rollouts), ratio(training, base?.training)]
    console.log(`| ${backend} | ${model} | ${figure(rollouts)}${drawn} | ${figure(training)}${trained} |`)
  }
}

/** Says whether a backend passes, in this process; the exit code says it too. */
async function tryOut(name: BackendName): Promise<void> {
  const { ok, detail } = await probeBackend(name)
  process.stdout.write(ok ? `passes the self-test: ${detail}` : `not used: ${detail}`, () =>
    process.exit(ok ? 0 : 1),
  )
}

function all(): void {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}`)
  const rows: Row[] = []
  for (const name of ladder) {
    const { stdout, status } = again('--try', name)
    console.log(`${name.padEnd(14)} ${stdout === '' ? 'its process died' : stdout}`)
    if (status === 0) rows.push(...measureApart(name))
  }
  print(rows)
}

const [mode, name] = arguments_
if (mode === '--try') await tryOut(name as BackendName)
else if (mode === '--backend') {
  const rows = await measure(name as BackendName)
  process.stdout.write(JSON.stringify(rows), () => process.exit(0))
} else all()
