/** Coverage of the stage's intervals over 2,000 runs in the planted Markov world, with latency that goes with the verdict, and the
 *  same where rollouts are taken as they finish: what launch order (rule S1) is for. Fails under 95 %. */
import { coverageOf, firstToFinish } from '../stages/coverage.ts'
import { markovModel } from '../stages/markov.ts'
import { type Figure, main } from './figure.ts'

const runs = 2000
const wanted = 0.95

await main(import.meta.url, async () => {
  const figures: Figure[] = []
  for (const mode of ['frugal', 'thorough', 'published'] as const) {
    const { found, held, beyond, confirmed, wrong, rollouts } = await coverageOf(mode, { runs })
    const of = (name: string, value: number, unit: string, baseline: string, ratio: number): void =>
      void figures.push({ bench: 'stage', case: `${mode}: ${name}`, value, unit, baseline, ratio })
    of('interval coverage', held / found, `of ${found}`, 'nominal .95', held / found / wanted)
    of('changes beyond 1 - mu', beyond, 'tokens', 'none', beyond)
    of('confirmed', confirmed / runs, 'a trace', 'found', confirmed / found)
    of(
      'false discoveries',
      wrong / Math.max(1, confirmed),
      'share',
      'q = .1',
      wrong / Math.max(1, confirmed) / 0.1,
    )
    of('rollouts', rollouts / runs, 'a trace', 'confirmed', rollouts / Math.max(1, confirmed))
    if (held / found < wanted || beyond > 0) process.exitCode = 1
  }
  const broken = await coverageOf('frugal', { runs: 400, model: firstToFinish(markovModel()) })
  const value = broken.held / broken.found
  figures.push({
    ...{ bench: 'stage', case: 'frugal, rollouts taken as they finish: coverage', value },
    ...{ unit: `of ${broken.found}`, baseline: 'nominal .95', ratio: value / wanted },
  })
  return figures
})
