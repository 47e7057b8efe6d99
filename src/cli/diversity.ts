import { z } from 'zod'
import { type Diversity, measureDiversity } from '../stages/diversity/measure-diversity.ts'
import { readTexts } from '../stages/diversity/read-texts.ts'
import { command } from './command.ts'
import { brief, formatCount, table } from './table.ts'

/** Measures how much the texts of a dataset differ. */
export default command({
  name: 'diversity',
  summary: 'Measure how much texts differ: n-grams, near-duplicates, templates, lengths',
  positionals: [
    { name: 'FILES...', meaning: 'JSONL (.gz, .zst), Parquet, or manifest.json of a built dataset' },
  ],
  options: z.object({
    field: z
      .array(z.string())
      .default([])
      .describe(
        'texts that are measured, several as one: text, or messages[].content; else the first usual name',
      ),
    config: z.string().optional().describe('dataset config of a manifest.json'),
    most: z.int().min(2).default(50_000).describe('texts that are looked at, drawn at random'),
    seed: z.int().min(0).default(0).describe('seed of the draw'),
    json: z.boolean().default(false).describe('print JSON'),
  }),
  example: 'fulcrum diversity datasets/arithmetic/problems.jsonl --field problem',
  run: async ({ options, positionals }, { print, tell, width }) => {
    const { field: fields, config, most, seed, json } = options
    let missing = 0
    const texts = readTexts(positionals, { fields, config, onMissing: () => missing++ })
    const found = await measureDiversity(texts, { most, seed })
    if (missing > 0) tell(`${formatCount(missing)} records have no such text\n`)
    print(json ? JSON.stringify(found, null, 1) : textOf(found, width))
    return 0
  },
})

const share = (value: number): string => `${(100 * value).toFixed(1)} %`

function textOf(
  { texts, looked_at: looked, lengths, ngrams, spread, templates }: Diversity,
  width: number,
): string {
  const { duplicates, minhash_distance: distance } = spread
  const overlap = ngrams.self_overlap
  const counts = table([
    ['texts', texts],
    ['looked at', looked],
    ['words', ngrams.words],
    ['same bytes as another', duplicates.exact],
    ['same words', duplicates.normalised],
    ['near-duplicates (Jaccard from .7)', duplicates.near],
    ['duplicates of any kind', share(spread.duplicate_share)],
    ['texts whose template others have', share(templates.share)],
    ['templates', templates.distinct],
    [`first ${ngrams.openings.words} words, different`, ngrams.openings.distinct],
    [`${overlap.n}-grams that another text has, mean`, share(overlap.mean)],
    ['  median, 95th percentile', `${share(overlap.median)}, ${share(overlap.p95)}`],
    ['MinHash distance of random pairs, mean', distance.mean.toFixed(3)],
    ['  5th percentile', distance.p5.toFixed(3)],
  ])
  const distinct = table([
    ['different n-grams', 'of all', 'of the first 10,000 words'],
    ...ngrams.distinct.map((of) => [
      `n = ${of.n}`,
      share(of.share),
      of.share_of_budget === null ? 'fewer words' : share(of.share_of_budget),
    ]),
  ])
  const most = Math.max(...lengths.histogram.map((bin) => bin.texts))
  const histogram = table([
    ['words', 'texts', ''],
    ...lengths.histogram.map(({ from, below, texts: count }) => [
      `${from}${below > from + 1 ? ` to ${below - 1}` : ''}`,
      count,
      '#'.repeat(Math.ceil((30 * count) / most)),
    ]),
  ])
  const largest = templates.largest.map(
    ({ skeleton, texts: count }) => `${formatCount(count)}  ${brief(skeleton, width - 8)}`,
  )
  return [
    counts,
    '',
    distinct,
    '',
    histogram,
    ...(largest.length > 0 ? ['', 'Largest templates:', ...largest] : []),
  ].join('\n')
}
