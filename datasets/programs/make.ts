/** Writes python.jsonl and javascript.jsonl again, byte for byte: `npx tsx datasets/programs/make.ts`. */
import { writeFileSync } from 'node:fs'
import { functions } from './functions.ts'
import { moreFunctions } from './more-functions.ts'
import { rowOf } from './problem.ts'

for (const language of ['python', 'javascript'] as const) {
  const rows = [...functions, ...moreFunctions].map((problem) => JSON.stringify(rowOf(problem, language)))
  writeFileSync(new URL(`${language}.jsonl`, import.meta.url), `${rows.join('\n')}\n`)
}
