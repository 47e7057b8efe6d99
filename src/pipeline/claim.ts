import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import { createOnce, writeFailure } from '../store/files.ts'

/** What a folder is claimed for: everything that decides what is written, and the hash of it. */
export interface Claimed {
  readonly configSha256: string
  readonly identity: Readonly<Record<string, unknown>>
}

/** Takes a folder for a plan. plan.json is written once and never changed: the same plan goes on where it stopped,
 *  another one is refused with what differs. */
export async function claim(out: string, plan: Claimed & Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(out, { recursive: true }).catch((error: unknown) => {
    throw writeFailure(out, error)
  })
  const path = join(out, 'plan.json')
  const found = (await readPlan(path)) ?? (await create(path, plan))
  if (found.configSha256 === plan.configSha256) return
  const differ = differences(found.identity, plan.identity)
  throw new FulcrumError(
    'plan',
    `${out} holds another run: ${differ.slice(0, 6).join('; ')}${differ.length > 6 ? `; and ${differ.length - 6} more` : ''}`,
    `Give that run's options again to go on with it, choose another --out, or delete ${out}.`,
  )
}

/** Writes the plan unless another process just has; what is there then holds. */
async function create(path: string, plan: Claimed): Promise<Claimed> {
  await createOnce(path, `${JSON.stringify(plan, null, 2)}\n`)
  return (await readPlan(path)) ?? plan
}

async function readPlan(path: string): Promise<Claimed | null> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return null
  try {
    const { configSha256, identity } = JSON.parse(text) as Partial<Claimed>
    if (typeof configSha256 === 'string' && typeof identity === 'object') return { configSha256, identity }
  } catch {
    // said below
  }
  throw new FulcrumError('plan', `${path} is no plan of a run`, 'Choose another --out.')
}

/** `seed is 1 there, 2 here` for each value that differs. */
function differences(there: unknown, here: unknown): string[] {
  const [one, other] = [leaves(there), leaves(here)]
  return [...new Set([...one.keys(), ...other.keys()])]
    .filter((path) => one.get(path) !== other.get(path))
    .map((path) => `${path} is ${one.get(path) ?? 'nothing'} there, ${other.get(path) ?? 'nothing'} here`)
}

function leaves(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) leaves(inner, path ? `${path}.${name}` : name, found)
  } else {
    const text = JSON.stringify(value)
    found.set(path, text.length > 60 ? `${text.slice(0, 60)}…` : text)
  }
  return found
}

/** Removes what an attempt that was killed left beside the files it wrote. Only where no other process is at work. */
export async function sweep(out: string): Promise<void> {
  await rm(join(out, 'attempts'), { recursive: true, force: true })
  for (const folder of [out, join(out, 'commits')]) {
    const names = await readdir(folder).catch(() => [])
    for (const name of names) if (name.endsWith('.partial')) await rm(join(folder, name), { force: true })
  }
}
