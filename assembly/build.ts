/** Compiles the AssemblyScript modules into the *.wasm.ts files that ship: `npm run build:wasm`. Tests compare what
 *  this gives with what is committed. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Run as a program: importing the compiler would bring AssemblyScript's globals into the types of this project. */
const asc = fileURLToPath(import.meta.resolve('assemblyscript/bin/asc.js'))
const here = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

/** Source, target and flags beyond the common ones. */
const modules = {
  decoder: { source: 'src/nn/wasm/assembly/decoder.ts', target: 'src/nn/wasm/kernels.wasm.ts', flags: [] },
  extract: { source: 'src/corpus/assembly/extract.ts', target: 'src/corpus/extract.wasm.ts', flags: [] },
  scan: {
    source: 'src/text/kernels/assembly/scan.ts',
    target: 'src/text/kernels/kernels.wasm.ts',
    // Scanners in several threads share one memory, and with it the index.
    flags: ['--enable', 'threads', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  },
} as const

const common = ['--enable', 'simd', '-O3', '--noAssert', '--runtime', 'stub', '--importMemory']

/** The text of a module's *.wasm.ts. */
export function compileKernels(name: keyof typeof modules): string {
  const { source, flags } = modules[name]
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-asc-'))
  const out = join(folder, 'module.wasm')
  try {
    execFileSync(process.execPath, [asc, here(source), '-o', out, '--baseDir', '/', ...common, ...flags])
    const base64 = readFileSync(out).toString('base64')
    return `/** ${source} compiled by assembly/build.ts; do not edit. */\nexport const kernels =\n  '${base64}'\n`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of Object.keys(modules) as (keyof typeof modules)[])
    writeFileSync(here(modules[name].target), compileKernels(name))
}
