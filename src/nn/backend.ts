import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import process from 'node:process'
import { FulcrumError } from '../errors.ts'
import { selfTest } from './self-test.ts'
import { speedUpWasm } from './wasm-matmul.ts'

/** The tfjs module a backend came with; one process must not mix two. */
export type TensorFlow = typeof import('@tensorflow/tfjs')

export const backendNames = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm', 'cpu'] as const
export type BackendName = (typeof backendNames)[number]

export interface Backend {
  readonly name: BackendName
  readonly tf: TensorFlow
  /** What was found, for people: versions, device. */
  readonly note: string
}

export interface Probe {
  readonly name: string
  readonly ok: boolean
  /** The note of a backend that works, the exact error of one that does not. */
  readonly detail: string
  readonly install: string
}

const require = createRequire(import.meta.url)
let opened: Promise<Backend> | undefined

/** Opens a backend once per process. `auto` takes the first of the ladder that works and passes the self-test;
 *  a name fails loudly with the reason and never falls through. */
export async function openBackend(choice: BackendName | 'auto' = 'auto'): Promise<Backend> {
  if (opened !== undefined) {
    const backend = await opened
    if (choice === 'auto' || choice === backend.name) return backend
    throw new FulcrumError(
      'config',
      `This process already uses ${backend.name}, not ${choice}`,
      'Use one backend a process.',
    )
  }
  opened = choice === 'auto' ? firstThatWorks() : accept(choice)
  opened.catch(() => (opened = undefined))
  return opened
}

async function firstThatWorks(): Promise<Backend> {
  for (const name of backendNames) {
    if (name === 'cpu') break
    try {
      return await accept(name)
    } catch {
      // the next rung; `fulcrum doctor` prints each reason
    }
  }
  return accept('cpu')
}

async function accept(name: BackendName): Promise<Backend> {
  try {
    const backend = await openers[name]()
    await selfTest(backend)
    return backend
  } catch (error) {
    const text = `Backend ${name} cannot be used: ${reasonOf(error)}`
    throw new FulcrumError('config', text, installs[name], error)
  }
}

/** What an error says, without the path of the file here that asked for a package. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const [, missing] = /^Cannot find package '([^']+)' imported from/.exec(text) ?? []
  if (missing !== undefined) return `the package ${missing} is not installed`
  return text.split('\n')[0] ?? text
}

/** Tries one candidate in this process: run it in a fresh process for each, since native addons do not mix. */
export async function probeBackend(name: BackendName): Promise<Probe> {
  try {
    const backend = await accept(name)
    return { name, ok: true, detail: backend.note, install: '' }
  } catch (error) {
    return { name, ok: false, detail: reasonOf((error as Error).cause), install: installs[name] }
  }
}

const installs: Readonly<Record<BackendName, string>> = {
  'tfjs-node-gpu':
    'npm install @tensorflow/tfjs-node-gpu@4.22.0 (needs CUDA 11.2 and cuDNN 8.1, and lets its install script run).',
  'tfjs-node': 'npm install @tensorflow/tfjs-node@4.22.0 (lets its install script run).',
  webgpu:
    'npm install webgpu @tensorflow/tfjs-backend-webgpu@4.22.0 (needs a GPU with a Vulkan, Metal or D3D12 driver).',
  wasm: 'Reinstall fulcrum: @tensorflow/tfjs-backend-wasm is one of its dependencies.',
  cpu: 'Reinstall fulcrum: @tensorflow/tfjs is one of its dependencies.',
}

const openers: Readonly<Record<BackendName, () => Promise<Backend>>> = {
  'tfjs-node-gpu': async () => {
    const tf = await importNative('@tensorflow/tfjs-node-gpu')
    const native = tf.backend() as unknown as { isUsingGpuDevice?: boolean }
    if (native.isUsingGpuDevice !== true)
      throw new Error('it loads, but finds no CUDA device and would run on the CPU')
    return { name: 'tfjs-node-gpu', tf, note: `tfjs ${tf.version.tfjs}, TensorFlow on CUDA` }
  },
  'tfjs-node': async () => {
    const tf = await importNative('@tensorflow/tfjs-node')
    return { name: 'tfjs-node', tf, note: `tfjs ${tf.version.tfjs}, TensorFlow on the CPU` }
  },
  webgpu: async () => {
    const dawn = (await importPeer('webgpu')) as { create(flags: string[]): GpuLike; globals: object }
    Object.assign(globalThis, dawn.globals)
    const gpu = dawn.create([])
    Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true })
    const adapter = await gpu.requestAdapter()
    if (adapter === null) throw new Error('no GPU answers: Dawn finds no Vulkan, Metal or D3D12 adapter')
    if (adapter.info?.isFallbackAdapter === true)
      throw new Error(`its only adapter is software: ${adapter.info.description ?? 'a fallback'}`)
    const tf = await import('@tensorflow/tfjs')
    await importPeer('@tensorflow/tfjs-backend-webgpu')
    await use(tf, 'webgpu')
    return { name: 'webgpu', tf, note: `tfjs ${tf.version.tfjs}, ${adapter.info?.description ?? 'WebGPU'}` }
  },
  wasm: async () => {
    const tf = await import('@tensorflow/tfjs')
    const wasm = await import('@tensorflow/tfjs-backend-wasm')
    wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`)
    await withoutItsCrashHandlers(() => use(tf, 'wasm'))
    speedUpWasm(tf)
    return { name: 'wasm', tf, note: `tfjs ${tf.version.tfjs}, SIMD, one thread` }
  },
  cpu: async () => {
    const tf = await import('@tensorflow/tfjs')
    await use(tf, 'cpu')
    return { name: 'cpu', tf, note: `tfjs ${tf.version.tfjs}, plain JavaScript` }
  },
}

interface GpuLike {
  requestAdapter(): Promise<{ info?: { isFallbackAdapter?: boolean; description?: string } } | null>
}

/** An optional peer, imported only when asked for; most installations do not have it. */
async function importPeer(name: string): Promise<unknown> {
  return import(name)
}

/** A tfjs with a native addon. Its CommonJS exports arrive under `default`. */
async function importNative(name: string): Promise<TensorFlow> {
  const loaded = (await importPeer(name)) as TensorFlow & { default?: TensorFlow }
  const tf = loaded.default ?? loaded
  await tf.ready()
  if (tf.getBackend() !== 'tensorflow') throw new Error(`its backend is ${tf.getBackend()}, not tensorflow`)
  return tf
}

/** The wasm loader adds process-wide handlers that rethrow any unhandled error of the whole program with a
 *  megabyte of its own source as context: they are taken off again. */
async function withoutItsCrashHandlers(load: () => Promise<void>): Promise<void> {
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const before = events.map((event) => new Set<unknown>(process.listeners(event as 'exit')))
  await load()
  for (const [i, event] of events.entries()) {
    for (const listener of process.listeners(event as 'exit')) {
      if (before[i]?.has(listener) !== true) process.off(event, listener)
    }
  }
}

/** setBackend answers false and falls back without throwing: both are checked. */
async function use(tf: TensorFlow, name: string): Promise<void> {
  const set = await tf.setBackend(name)
  await tf.ready()
  if (!set || tf.getBackend() !== name)
    throw new Error(`tfjs answered with ${tf.getBackend()} when asked for ${name}`)
}
