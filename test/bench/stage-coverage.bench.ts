/** The stage over 2,000 runs in the planted Markov world, with latency that goes with the verdict: recall, false discoveries and
 *  rollouts a true pivot beside the page's table (whose traces are 300 tokens long: these are of 9), coverage of its intervals, also of
 *  the sides of pairs; the same on 48 traces behind an HTTP server; and coverage where rollouts are taken as they finish: what launch
 *  order (rule S1) is for. Fails where intervals of changes or sides cover less than 95 %, a change exceeds 1 - mu, false discoveries
 *  exceed q, or recall or cost are behind the table. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { httpModel } from '../../src/model/http.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { vllmServer } from '../fixtures/dialects.ts'
import { startOpenAiServer } from '../fixtures/openai-server.ts'
import { type Coverage, coverageOf, firstToFinish } from '../stages/coverage.ts'
import { markovModel } from '../stages/markov.ts'
import { markovServing } from '../stages/markov-serving.ts'
import { type Figure, main } from './figure.ts'

const runs = 2000
const served = 48
const [wanted, q] = [0.95, 0.1]
const modes = ['frugal', 'thorough', 'published'] as const
type Mode = (typeof modes)[number]

/** The page's table: what is confirmed on fresh rollouts, and the published recursion. */
const page: Readonly<Record<Mode, { readonly recall: number; readonly cost: number }>> = {
  frugal: { recall: 0.58, cost: 667 },
  thorough: { recall: 0.85, cost: 995 },
  published: { recall: 0.52, cost: 691 },
}

await main(import.meta.url, async () => {
  const figures: Figure[] = []
  for (const mode of modes) {
    const found = await coverageOf(mode, { runs })
    figures.push(...against(mode, mode, found, runs), ...coverage(mode, found))
    if (found.sidesHeld / found.sides < wanted) missed(`${mode}: sides of pairs cover 95 %`)
  }
  figures.push(...(await behindServer()))
  const lucky = await coverageOf('thorough', { runs: 500, gap: 0.3 })
  figures.push(
    share('thorough, gap .3: coverage of sides at changes below it', lucky.luckyHeld, lucky.luckySides),
  )
  const broken = await coverageOf('frugal', { runs: 400, model: firstToFinish(markovModel()) })
  figures.push(share('frugal, rollouts taken as they finish: coverage', broken.held, broken.found))
  return figures
})

/** What was found and what it cost. */
function against(name: string, mode: Mode, of: Coverage, traces: number): Figure[] {
  const { planted, right, confirmed, wrong, rollouts } = of
  const [recall, cost, false_] = [right / planted, rollouts / right, wrong / Math.max(1, confirmed)]
  if (recall < page[mode].recall) missed(`${name}: recall at least that of the page's table`)
  if (cost > page[mode].cost) missed(`${name}: at most the page's rollouts a true pivot`)
  if (false_ > q) missed(`${name}: false discoveries at most q`)
  return [
    figure(`${name}: recall`, recall, `of ${planted}`, 'the page', page[mode].recall),
    figure(`${name}: false discoveries`, false_, `of ${confirmed}`, 'q = .1', q),
    figure(`${name}: rollouts a true pivot`, cost, 'rollouts', 'the page', page[mode].cost),
    figure(`${name}: rollouts a trace`, rollouts / traces, 'rollouts', 'itself', rollouts / traces),
  ]
}

function coverage(name: string, { found, held, beyond, sides, sidesHeld }: Coverage): Figure[] {
  if (held / found < wanted) missed(`${name}: intervals cover 95 %`)
  if (beyond > 0) missed(`${name}: no change exceeds 1 - mu`)
  return [
    share(`${name}: interval coverage`, held, found),
    share(`${name}: coverage of the sides of pairs`, sidesHeld, sides),
    figure(`${name}: changes beyond 1 - mu`, beyond, 'tokens', 'found', found),
  ]
}

/** The same world asked through HTTP: exact ids, a request a batch, other first tokens forced, answers known once seen. */
async function behindServer(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'fulcrum-stage-bench-'))
  await writeByteTokenizer(folder)
  const tokenizer = await loadTokenizer(folder)
  const server = await startOpenAiServer(vllmServer(markovServing(tokenizer)))
  const model = await httpModel({ baseUrl: server.url, model: 'policy', dialect: 'vllm', tokenizer })
  const figures: Figure[] = []
  try {
    for (const mode of modes) {
      const before = server.requests.length
      const found = await coverageOf(mode, { runs: served, model })
      const requests = (server.requests.length - before) / served
      const name = `${mode}, behind a server`
      figures.push(...against(name, mode, found, served), ...coverage(name, found))
      figures.push(
        figure(`${name}: requests a trace`, requests, 'requests', 'rollouts', found.rollouts / served),
      )
    }
  } finally {
    await model.close()
    await server.close()
    await rm(folder, { recursive: true, force: true })
  }
  return figures
}

function share(name: string, held: number, all: number): Figure {
  return figure(name, held / all, `of ${all}`, 'nominal .95', wanted)
}

function figure(name: string, value: number, unit: string, baseline: string, against: number): Figure {
  return { ...{ bench: 'stage', case: name, value, unit, baseline }, ratio: value / against }
}

function missed(claim: string): void {
  console.error(`missed: ${claim}`)
  process.exitCode = 1
}
