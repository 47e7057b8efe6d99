import type { Command } from './command.ts'

/** Every command, loaded when it is asked for. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  quickstart: async () => (await import('./quickstart.ts')).default,
  recipe: async () => (await import('./recipe.ts')).default,
  run: async () => (await import('./run.ts')).default,
  plan: async () => (await import('./plan.ts')).default,
  verify: async () => (await import('./verify.ts')).default,
  inspect: async () => (await import('./inspect.ts')).default,
  'train sft': async () => (await import('./train.ts')).sft,
  'train dpo': async () => (await import('./train.ts')).dpo,
  'train grpo': async () => (await import('./train.ts')).grpo,
  dedupe: async () => (await import('./dedupe.ts')).default,
  evaluate: async () => (await import('./evaluate.ts')).default,
  'check-verifier': async () => (await import('./check-verifier.ts')).default,
  audit: async () => (await import('./audit.ts')).default,
  'benchmarks list': async () => (await import('./benchmarks.ts')).list,
  'benchmarks fetch': async () => (await import('./benchmarks.ts')).fetch,
  'benchmarks verify': async () => (await import('./benchmarks.ts')).verify,
  'export-model': async () => (await import('./export-model.ts')).default,
  doctor: async () => (await import('./doctor.ts')).default,
}
