/** Compiles extract.ts into extract.wasm.ts, the module that ships: `npm run build:wasm`. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Run as a program: importing the compiler would bring AssemblyScript's globals into the types of this project. */
const asc = fileURLToPath(import.meta.resolve('assemblyscript/bin/asc.js'))
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** The text of extract.wasm.ts. */
export function compileExtract(): string {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-asc-'))
  const out = join(folder, 'extract.wasm')
  const flags = ['--enable', 'simd', '-O3', '--noAssert', '--runtime', 'stub', '--importMemory']
  try {
    execFileSync(process.execPath, [asc, here('extract.ts'), '-o', out, '--baseDir', '/', ...flags])
    const base64 = readFileSync(out).toString('base64')
    return `/** assembly/extract.ts compiled by build.ts; do not edit. */\nexport const extractModule =\n  '${base64}'\n`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(here('../extract.wasm.ts'), compileExtract())
