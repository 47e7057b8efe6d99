/** `node --import ./test/bench/strip-types.js FILE.ts`: takes the types away and changes nothing else. A bench must not
 *  run under tsx, which wraps every function made at run time to keep its name: code that makes small functions in
 *  its inner loop then measures as half as fast as what the package ships. */
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { transformSync } from 'amaro'

if (isMainThread) register(import.meta.url)

/** A module hook. */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context)
  const text = await readFile(fileURLToPath(url), 'utf8')
  return { format: 'module', source: transformSync(text, { mode: 'strip-only' }).code, shortCircuit: true }
}
