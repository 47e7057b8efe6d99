import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { z } from 'zod'
import { probeLlama } from '../model/llama-library.ts'
import { backendNames, type Probe, probeBackend } from '../nn/backend.ts'
import { command } from './command.ts'
import { dialectChoices, diagnoseEndpoint } from './endpoint.ts'
import { table } from './table.ts'

const names = [...backendNames, 'node-llama-cpp'] as const
type Name = (typeof names)[number]

/** Says what this machine can train and sample with, or what a server can do. */
export default command({
  name: 'doctor',
  summary: 'Try every tensor backend and llama.cpp here, or a server: what works, and why the rest does not',
  positionals: [],
  options: z.object({
    backend: z.enum(names).optional().describe('try only this one, in this process'),
    endpoint: z
      .string()
      .optional()
      .describe('try this server instead, http://host:port/v1#model-name, with tiny requests'),
    tokenizer: z
      .string()
      .optional()
      .describe("model folder with the served model's tokenizer and chat template"),
    dialect: z.enum(dialectChoices).default('auto').describe('how it is asked; auto goes by its own name'),
    json: z.boolean().default(false).describe('print JSON'),
  }),
  example: 'fulcrum doctor',
  run: async ({ options: { backend, json, endpoint, tokenizer, dialect } }, terminal) => {
    const { print, tell } = terminal
    if (endpoint !== undefined) return diagnoseEndpoint({ endpoint, tokenizer, dialect, json }, terminal)
    const probes: Probe[] = []
    for (const name of backend === undefined ? names : [backend]) {
      tell(`trying ${name}\n`)
      probes.push(await (backend === undefined ? probeApart(name) : probe(name)))
    }
    if (json) print(JSON.stringify({ node: process.version, platform: process.platform, backends: probes }))
    else {
      print(`Node ${process.version} on ${process.platform} ${process.arch}\n`)
      print(table(probes.map(({ name, ok, detail }) => [name, ok ? 'works' : '-', detail])))
      const first = probes.find(({ name, ok }) => ok && name !== 'node-llama-cpp')
      print(`\nTraining takes by default: ${first?.name ?? 'none'}`)
      print('Model folders are sampled on the CPU by our own SIMD kernels, GGUF files by node-llama-cpp.')
      for (const { name, ok, install } of probes) if (!ok) print(`To get ${name}: ${install}`)
    }
    return probes.some(({ ok }) => ok) ? 0 : 1
  },
})

const probe = (name: Name): Promise<Probe> => (name === 'node-llama-cpp' ? probeLlama() : probeBackend(name))

/** In a process of its own: native addons do not mix, and one that crashes must not end the others. */
async function probeApart(name: Name): Promise<Probe> {
  const self = [...process.execArgv, process.argv[1] as string, 'doctor', '--backend', name, '--json']
  try {
    const { stdout } = await promisify(execFile)(process.execPath, self, { timeout: 120_000 })
    return probeIn(stdout)
  } catch (error) {
    const { stdout = '', message } = error as { stdout?: string; message: string }
    if (stdout !== '') return probeIn(stdout)
    return { name, ok: false, detail: `its process died: ${message.split('\n')[0] ?? ''}`, install: '' }
  }
}

const probeIn = (stdout: string): Probe => (JSON.parse(stdout) as { backends: [Probe] }).backends[0]
