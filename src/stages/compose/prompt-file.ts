import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { FulcrumError } from '../../errors.ts'
import type { Message } from '../../model/model.ts'
import { locate } from '../../store/bundled.ts'

/** A prompt that lies in a file of its own, for people to read and change. */
export interface PromptFile {
  readonly path: string
  /** Of the file, hex: part of the identity of every stage that asks with it. */
  readonly sha256: string
  /** Names between double braces, each once. */
  readonly placeholders: readonly string[]
  readonly hasUserPart: boolean
  /** Length of what is sent of it, characters. */
  readonly length: number
  /** The chat. Columns are set off as data, settings stand as they are; nothing that is put in is looked at again. */
  readonly render: (
    columns: Readonly<Record<string, unknown>>,
    settings?: Readonly<Record<string, string | number>>,
  ) => Message[]
}

/** Reads a prompt file at once, so that a missing one stops a run before it spends; one that ships is found by its path.
 *  What stands before the first of the lines `<!-- system -->` and `<!-- user -->` is for readers and never sent. */
export function promptFile(path: string): PromptFile {
  const text = textOf(path)
  const parts = partsOf(path, text)
  const names = parts.flatMap(({ content }) =>
    [...content.matchAll(placeholder)].map(([, name = '']) => name),
  )
  return {
    path,
    sha256: createHash('sha256').update(text).digest('hex'),
    placeholders: [...new Set(names)],
    hasUserPart: parts.some(({ role }) => role === 'user'),
    length: parts.reduce((sum, { content }) => sum + content.length, 0),
    render: (columns, settings = {}) =>
      parts.map(({ role, content }) => ({
        role,
        content: content.replace(placeholder, (_, name: string) =>
          Object.hasOwn(settings, name) ? String(settings[name]) : setOff(name, columns[name]),
        ),
      })),
  }
}

const placeholder = /\{\{\s*(\w+)\s*\}\}/g

/** Reads a file that has a system part alone: instructions for whoever writes traces. */
export function systemPrompt(path: string): string {
  const [part, ...more] = partsOf(path, textOf(path))
  if (part?.role === 'system' && more.length === 0) return part.content
  throw new FulcrumError(
    'config',
    `The prompt file ${path} is no system prompt: it has a user part`,
    'Leave only a line <!-- system --> and the text below it.',
  )
}

function textOf(path: string): string {
  const found = locate(path)
  if (existsSync(found)) return readFileSync(found, 'utf8')
  throw new FulcrumError('config', `There is no prompt file ${path}`, 'Check the path of the prompt.')
}

function partsOf(path: string, text: string): Message[] {
  const [, ...pieces] = text.split(/^<!-- (system|user) -->[ \t]*\r?\n/m)
  const parts: Message[] = []
  for (let i = 0; i + 1 < pieces.length; i += 2)
    parts.push({ role: pieces[i] as 'system' | 'user', content: (pieces[i + 1] ?? '').trim() })
  const roles = parts.map(({ role }) => role).join(' ')
  const stray = /\{\{(?!\s*\w+\s*\}\})/.exec(parts.map(({ content }) => content).join('\n'))
  if (
    /^(system|(system )?user)$/.test(roles) &&
    stray === null &&
    parts.every(({ content }) => content !== '')
  )
    return parts
  throw new FulcrumError(
    'config',
    stray === null
      ? `The prompt file ${path} has the parts ${roles || '(none)'}`
      : `The prompt file ${path} has a placeholder that is none: ${stray.input.slice(stray.index, stray.index + 30)}`,
    stray === null
      ? 'Write a line <!-- user --> and the text below it; before it <!-- system --> and a text, if wanted.'
      : 'Placeholders are {{name}}: letters, digits and _.',
  )
}

/** A value between tags that bear a hash of it: no text can hold the hash of itself, so none can end its own tag. */
function setOff(name: string, value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 1)
  const tag = `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  return `<${tag}>\n${disarmed(text)}\n</${tag}>`
}

/** Tokenizers take such texts for control tokens, wherever they stand; with a space they are what they look like. */
const disarmed = (text: string): string =>
  text.replace(
    /<(?=\|[\w▁ -]{1,40}\|>|\/?s>|bos>|eos>|(?:start|end)_of_turn>|\/?think>)|\[(?=\/?INST\])/g,
    (opening) => `${opening} `,
  )
