/** Compiles decoder.ts into kernels.wasm.ts, the module that ships: `npm run build:wasm`. Prints the module
 *  instead with `--print`, for the test that compares it with what is committed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** The text of kernels.wasm.ts. */
export async function compileKernels(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-asc-'))
  const out = join(folder, 'decoder.wasm')
  const flags = ['--enable', 'simd', '-O3', '--noAssert', '--runtime', 'stub', '--importMemory']
  try {
    const { error, stderr } = await asc.main([here('decoder.ts'), '-o', out, '--baseDir', '/', ...flags])
    if (error !== null) throw new Error(stderr.toString())
    const base64 = readFileSync(out).toString('base64')
    return `/** assembly/decoder.ts compiled by build.ts; do not edit. */\nexport const kernels =\n  '${base64}'\n`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(here('../kernels.wasm.ts'), await compileKernels())
