import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { textMaker } from './generated-text.ts'

const folder = fileURLToPath(new URL('../../../shared/data/benchmarks/', import.meta.url))
const files = ['gsm8k_test.jsonl', 'math500.jsonl', 'humaneval.jsonl.gz', 'agieval_math.jsonl']

/** Every text of the items of gsm8k (test), math500, humaneval and agieval, where the files lie beside the project;
 *  else as many generated texts, about as long. */
export function benchmarkTexts({ text }: ReturnType<typeof textMaker>): { name: string; texts: string[] } {
  if (files.every((name) => existsSync(folder + name)))
    return { name: 'gsm8k + math500 + humaneval + agieval', texts: files.flatMap(textsOf) }
  return {
    name: '8,000 generated texts',
    texts: Array.from({ length: 8000 }, (_, i) => text(i % 2 ? 45 : 20)),
  }
}

function textsOf(name: string): string[] {
  const raw = readFileSync(folder + name)
  const lines = (name.endsWith('.gz') ? gunzipSync(raw) : raw).toString().trim().split('\n')
  return lines.flatMap((line) => strings(JSON.parse(line)))
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : []
}
