import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'amaro'

/** Modules of page/, each behind those it imports. */
const modules = [
  'elements',
  'figures',
  'filters',
  'histogram',
  'trace-list',
  'overview',
  'node-figures',
  'node-panel',
  'rollout-tree',
  'value-chart',
  'token-strip',
  'branches',
  'trace-view',
  'main',
]

/** The script of the page: its modules one after the other, each a function that gives what it exports. */
export async function pageScript(): Promise<string> {
  const parts = await Promise.all(modules.map(async (name) => inlined(name, await sourceOf(name))))
  return `(() => {\n'use strict'\n${parts.join('\n')}\n})()\n`
}

/** From dist a module is JavaScript already; from source its types are stripped. */
async function sourceOf(name: string): Promise<string> {
  const built = fileURLToPath(new URL(`./page/${name}.js`, import.meta.url))
  if (existsSync(built)) return readFile(built, 'utf8')
  const source = await readFile(fileURLToPath(new URL(`./page/${name}.ts`, import.meta.url)), 'utf8')
  return transformSync(source, { mode: 'strip-only' }).code
}

const variable = (name: string): string => name.replace(/-./g, (dash) => dash.slice(1).toUpperCase())

/** A module as a function; its source may be ours without types, or what the compiler wrote. */
export function inlined(name: string, source: string): string {
  const exported = [...source.matchAll(/^export (?:function|const) (\w+)/gm)].map(([, found]) => found)
  const body = source
    .replace(
      /^import \{([^}]*)\} from ['"]\.\/([\w-]+)\.[jt]s['"];?$/gm,
      (_, names: string, from: string) =>
        `const {${names.replace(/,\s*,/g, ',').replace(/^\s*,/, '')}} = ${variable(from)}Module`,
    )
    .replace(/^export (?=function|const)/gm, '')
    .replace(/^export \{\};?$/gm, '')
    .replace(/^[ \t]*\n/gm, '')
    .replace(/[ \t]+$/gm, '')
  if (/^(import|export)\b/m.test(body))
    throw new Error(`page/${name}: an import or export that cannot be inlined`)
  return `const ${variable(name)}Module = (() => {\n${body}\nreturn { ${exported.join(', ')} }\n})()`
}
