/** Whole runs of SFT on the embedded student's data: padding, memory over 1,000 steps, two threads against one:
 *  `node --import ./test/bench/strip-types.js test/bench/train-run.bench.ts`. */
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { examplesOf, recipes } from '../../datasets/arithmetic/model.ts'
import { openBackend } from '../../src/nn/backend.ts'
import { loadCheckpoint } from '../../src/nn/checkpoint.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { batchStream } from '../../src/train/batches.ts'
import { inMemory } from '../../src/train/items.ts'
import type { LogEntry } from '../../src/train/log.ts'
import type { TrainingOptions } from '../../src/train/loop.ts'
import { type SftExample, trainSft } from '../../src/train/sft.ts'
import { type Figure, main } from './figure.ts'
import { studentConfig } from './student-config.ts'

const student = join(import.meta.dirname, '../../datasets/models/student')
const fresh = (): string => mkdtempSync(join(tmpdir(), 'fulcrum-bench-'))
const options: TrainingOptions = {
  out: '',
  backend: 'wasm',
  workers: 1,
  batchSize: 32,
  microBatchSize: 8,
  recompute: false,
  lora: null,
  learningRate: 1e-4,
  warmupSteps: 2,
  decay: 'linear',
  weightDecay: 0.01,
  clipNorm: 1,
  seed: 0,
  checkpointEvery: 1e6,
}

const figure = (name: string, value: number, unit: string, baseline: string, ratio: number): Figure => ({
  bench: 'train-run',
  case: name,
  value,
  unit,
  baseline,
  ratio,
})

/** Padding of a pass in batches of like lengths, and of batches as they come, in micro-batches of 8. */
async function padding(examples: readonly SftExample[]): Promise<Figure> {
  const lengthOf = ({ promptIds, completionIds }: SftExample): number =>
    promptIds.length + completionIds.length - 1
  const slots = (rows: readonly SftExample[]): number => rows.length * Math.max(...rows.map(lengthOf))
  const { steps, at } = batchStream([{ items: inMemory('all', examples), epochs: 1 }], options, lengthOf)
  let [real, bucketed, plain] = [0, 0, 0]
  for (let step = 1; step <= steps; step++) {
    const batch = (await at(step)).map(({ item }) => item)
    for (let i = 0; i < batch.length; i += 8) bucketed += slots(batch.slice(i, i + 8))
  }
  for (const example of examples) real += lengthOf(example)
  for (let i = 0; i < examples.length; i += 8) plain += slots(examples.slice(i, i + 8))
  const share = (positions: number): number => 100 * (1 - real / positions)
  return figure(
    'padding in batches of like lengths',
    share(bucketed),
    '% of positions',
    'as they come',
    share(bucketed) / share(plain),
  )
}

/** Tensors and bytes alive after steps of a thousand, of a decoder small enough for a bench. */
async function memory(examples: readonly SftExample[]): Promise<Figure[]> {
  const { tf } = await openBackend('wasm')
  const config = {
    ...studentConfig,
    hiddenSize: 32,
    intermediateSize: 64,
    layers: 2,
    headDim: 8,
    maxPositions: 160,
  }
  const seen: { step: number; tensors: number; bytes: number; rss: number }[] = []
  await trainSft({
    model: initialCheckpoint(config, 1),
    modelId: 'bench',
    tokenizerFrom: student,
    data: [{ items: inMemory('all', examples), epochs: 8000 / examples.length }],
    options: { ...options, out: fresh(), batchSize: 8, microBatchSize: 4, checkpointEvery: 100 },
    onStep: ({ step }) => {
      if (step % 100 !== 0 && step !== 10) return
      const { numTensors: tensors, numBytes: bytes } = tf.memory()
      seen.push({ step, tensors, bytes, rss: process.memoryUsage().rss })
    },
  })
  return seen
    .filter(({ step }) => [10, 100, 500, 1000].includes(step))
    .flatMap(({ step, tensors, bytes, rss }) => [
      figure(
        `tensors alive after step ${step}`,
        tensors,
        'tensors',
        'step 10',
        tensors / (seen[0]?.tensors ?? 0),
      ),
      figure(`bytes of them`, bytes, 'bytes', 'step 10', bytes / (seen[0]?.bytes ?? 0)),
      figure(`memory of the process`, rss / 2 ** 20, 'MiB', 'step 10', rss / (seen[0]?.rss ?? 0)),
    ])
}

/** CPU-seconds of every thread of this process by its id; Linux only. */
function threadSeconds(): Map<string, number> {
  const seconds = readdirSync('/proc/self/task').map((id): [string, number] => {
    const [ran] = readFileSync(`/proc/self/task/${id}/schedstat`, 'utf8').split(' ')
    return [id, Number(ran) / 1e9]
  })
  return new Map(seconds)
}

interface Timed {
  /** From the end of step 2 to the last, s. */
  readonly wall: number
  /** CPU-seconds of the main thread and of the busiest other: what the wall would be on idle cores. */
  readonly path: number
  readonly losses: readonly number[]
}

async function timed(examples: readonly SftExample[], workers: number, steps: number): Promise<Timed> {
  const model = await loadCheckpoint(student)
  const out = fresh()
  let start = { wall: 0, cpu: new Map<string, number>() }
  let end = start
  await trainSft({
    model,
    modelId: 'bench',
    tokenizerFrom: student,
    data: [{ items: inMemory('all', examples), epochs: (32 * steps) / examples.length }],
    options: { ...options, out, workers },
    onStep: ({ step }) => {
      if (step === 2) start = { wall: performance.now(), cpu: threadSeconds() }
      if (step === steps) end = { wall: performance.now(), cpu: threadSeconds() }
    },
  })
  const spent = [...end.cpu].map(([id, seconds]) => ({ id, seconds: seconds - (start.cpu.get(id) ?? 0) }))
  const main = spent.find(({ id }) => id === `${process.pid}`)?.seconds ?? 0
  const others = spent.filter(({ id }) => id !== `${process.pid}`).map(({ seconds }) => seconds)
  const lines = readFileSync(join(out, 'log.jsonl'), 'utf8').trim().split('\n')
  return {
    wall: (end.wall - start.wall) / 1000,
    path: main + (workers === 1 ? 0 : Math.max(...others)),
    losses: lines.map((line) => (JSON.parse(line) as LogEntry).loss),
  }
}

/** Rounds take turns, the best of each counts: another program on the machine only ever slows one down. */
async function threads(examples: readonly SftExample[]): Promise<Figure[]> {
  const [one, two]: [Timed[], Timed[]] = [[], []]
  for (let round = 0; round < 3; round++) {
    one.push(await timed(examples, 1, 14))
    two.push(await timed(examples, 2, 14))
  }
  const best = (runs: readonly Timed[], of: 'wall' | 'path'): number =>
    Math.min(...runs.map((run) => run[of]))
  const differ = Math.max(
    ...(one[0]?.losses ?? []).map((loss, i) => Math.abs(loss - (two[0]?.losses[i] ?? NaN))),
  )
  const ratio = (of: 'wall' | 'path'): number => best(one, of) / best(two, of)
  return [
    figure(
      'two threads, 12 steps of 32 examples',
      best(two, 'wall'),
      's',
      'one thread, wall clock',
      ratio('wall'),
    ),
    figure('two threads, by CPU-seconds of the longest', best(two, 'path'), 's', 'one thread', ratio('path')),
    figure('largest difference of a loss between them', differ, 'nats', '1e-4', differ / 1e-4),
  ]
}

export async function bench(): Promise<Figure[]> {
  const examples = examplesOf({ ...recipes.student, examples: 4000 }, await loadTokenizer(student))
  return [await padding(examples), ...(await threads(examples)), ...(await memory(examples))]
}

await main(import.meta.url, bench)
