import { execFile } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { FulcrumError } from '../../../errors.ts'

/** A Python and the files it is made of: all that a program sees of the machine. */
export interface Interpreter {
  /** Absolute path of the binary itself, no link and no shim. */
  readonly python: string
  /** `3.11.7`. */
  readonly version: string
  /** Absolute paths it reads: standard library, shared library. */
  readonly files: readonly string[]
  /** Folders inside them that stay empty: installed packages. */
  readonly hidden: readonly string[]
}

const facts = z.object({
  executable: z.string(),
  version: z.string(),
  stdlib: z.string(),
  platstdlib: z.string(),
  packages: z.array(z.string()),
  library: z.string().nullable(),
})

const ask = `
import json, os, sys, sysconfig
get = sysconfig.get_config_var
library = os.path.join(get('LIBDIR') or '', get('INSTSONAME') or '') if get('Py_ENABLE_SHARED') else None
print(json.dumps({
    'executable': getattr(sys, '_base_executable', sys.executable),
    'version': '.'.join(map(str, sys.version_info[:3])),
    'stdlib': sysconfig.get_path('stdlib'),
    'platstdlib': sysconfig.get_path('platstdlib'),
    'packages': [os.path.join(sysconfig.get_path('stdlib'), name) for name in ('site-packages', 'dist-packages')],
    'library': library,
}))`

/** Asks the Python called `name` (a path or a name on PATH) where it lives. Nothing of a dataset runs here. */
export async function findPython(name: string): Promise<Interpreter> {
  try {
    const { stdout } = await promisify(execFile)(name, ['-I', '-c', ask], { timeout: 20_000 })
    const found = facts.parse(JSON.parse(stdout))
    const python = realpathSync(found.executable)
    const files = [found.stdlib, found.platstdlib, ...(found.library === null ? [] : [found.library])]
    return {
      python,
      version: found.version,
      files: [...new Set(files)].filter((path) => existsSync(path)),
      hidden: found.packages.filter((path) => existsSync(path)),
    }
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split('\n', 1)[0] ?? '') : String(cause)
    throw new FulcrumError(
      'verify',
      `Python ${JSON.stringify(name)} does not run: ${why}`,
      'Install Python 3.9 or newer, or give its path.',
      cause,
    )
  }
}

/** The first folder of the usual ones that has the program; null if none. PATH is not asked: it could be anybody's. */
export function findTool(name: string): string | null {
  const folders = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}
