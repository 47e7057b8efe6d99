import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { loadPipeline } from '../../src/pipeline/load.ts'
import { closeModels, planPipeline } from '../../src/pipeline/plan.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import type { Manifest } from '../../src/store/manifest.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { verifyManifest } from '../../src/store/verify.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { startOpenAiServer } from '../fixtures/openai-server.ts'

/** An answer, or one computed from the chat's text and the number of the sample. */
export type Answer = string | ((chat: string, sample: number) => string)

/** What a scripted author answers: the first pattern that the chat matches counts. */
export type Script = readonly (readonly [RegExp, Answer])[]

export interface RecipeRun {
  readonly manifest: Manifest
  readonly rows: (config: string) => Promise<Record<string, unknown>[]>
  /** Reason to rows, with the stage before a colon. */
  readonly dropped: Readonly<Record<string, number>>
  /** Chats that the server was sent, as text, in the order they came. */
  readonly chats: readonly string[]
}

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-recipes-'))
after(() => rm(folder, { recursive: true, force: true }))

/** A tokenizer that gives any text back, with a chat template. */
export const template = join(folder, 'template')
await writeByteTokenizer(template)

/** A file of rows in the test's folder. */
export async function rowsFile(name: string, rows: readonly object[]): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return path
}

/** An item that no row of these tests holds, and one that some do. */
export const leaked =
  'A lighthouse keeper climbs ninety three steps every morning and counts seventeen gulls on the railing before breakfast.'
export const against = [await rowsFile('benchmark.jsonl', [{ id: 'leak', question: leaked, answer: '17' }])]

/** Runs a recipe that ships on a real server whose answers are scripted, and checks all that holds for every recipe. */
export async function runRecipe(
  name: string,
  options: Readonly<Record<string, unknown>>,
  script: Script = [],
): Promise<RecipeRun> {
  const asked: string[] = []
  const strange: string[] = []
  const server = await startOpenAiServer({
    models: ['author'],
    style: 'plain',
    complete: ({ messages, seed }) => {
      const chat = (messages ?? []).map(({ content }) => content).join('\n\n')
      // What a client asks to see whether the server gives several completions.
      if (chat === 'What is 1 + 1?') return { text: '2' }
      asked.push(chat)
      const [, answer] = script.find(([pattern]) => pattern.test(chat)) ?? [undefined, undefined]
      if (answer === undefined) strange.push(chat)
      return { text: typeof answer === 'function' ? answer(chat, seed) : (answer ?? '?') }
    },
  })
  try {
    const definition = await loadPipeline(name)
    assert.equal(definition.name, name)
    const model = `${server.url}#author`
    const own = Object.fromEntries(
      Object.entries({ model, student: model, teacher: model, writers: [model], template, against }).filter(
        ([key]) => key in definition.options.shape,
      ),
    )
    const parsed = definition.options.parse({ ...own, ...options })
    const pipeline = await definition.build(parsed)
    const plan = await planPipeline(pipeline, { name, options: parsed, seed: 1, shardRows: 8 })
    assert.deepEqual(plan.notices, [], 'everything is decontaminated in the right order')
    const out = join(folder, `${name}-${asked.length}-${Object.keys(options).length}`)
    await rm(out, { recursive: true, force: true })
    try {
      const { manifest, manifestPath } = await runPipeline(pipeline, plan, { out })
      assert.deepEqual(strange, [], 'the script has an answer to every question')
      assert.ok(manifest !== null)
      const { shards } = await verifyManifest(manifestPath)
      assert.deepEqual(
        shards.filter(({ problem }) => problem !== null),
        [],
      )
      return {
        manifest,
        chats: asked,
        dropped: droppedOf(manifest),
        rows: (config) => rowsOf(out, manifest, config),
      }
    } finally {
      await closeModels(plan.steps)
    }
  } finally {
    await server.close()
  }
}

const droppedOf = ({ removed }: Manifest): Record<string, number> =>
  Object.fromEntries(removed.by_reason.map(({ stage, reason, rows }) => [`${stage}: ${reason}`, rows]))

async function rowsOf(out: string, manifest: Manifest, config: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for (const { file } of manifest.configs[config]?.shards ?? [])
    for await (const row of readParquet(join(out, file))) rows.push(row)
  return rows
}
