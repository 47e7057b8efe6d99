import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

const found = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)

/** Why tests in a browser are skipped, or false. */
export const noBrowser =
  found === undefined ? 'NO CHROMIUM HERE: the page was not opened in a browser' : false

interface Answer {
  readonly id?: number
  readonly method?: string
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
  readonly params?: unknown
}

/** A page of headless Chromium, spoken to in its own protocol over pipes. */
export interface Page {
  open(url: string): Promise<void>
  /** The value of an expression in the page. */
  value(expression: string): Promise<unknown>
  press(key: string): Promise<void>
  size(width: number, height: number, theme?: 'light' | 'dark'): Promise<void>
  screenshot(): Promise<Buffer>
  /** Requests, console messages and refusals since the page was made. */
  readonly told: readonly string[]
  close(): Promise<void>
}

export async function openBrowser(): Promise<Page> {
  const profile = await mkdtemp(join(tmpdir(), 'fulcrum-chromium-'))
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--remote-debugging-pipe',
    `--user-data-dir=${profile}`,
  ]
  const child = spawn(found as string, flags, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const told: string[] = []
  const send = protocol(child.stdio[3] as Writable, child.stdio[4] as Readable, told)
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true })
  const ask = (method: string, params: object = {}) => send(method, params, sessionId as string)
  for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await ask(`${domain}.enable`)
  const value = async (expression: string): Promise<unknown> => {
    const given = await ask('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
    if (given.exceptionDetails !== undefined) throw new Error(JSON.stringify(given.exceptionDetails))
    return (given.result as { value?: unknown }).value
  }
  return {
    told,
    value,
    open: async (url) => {
      await ask('Page.navigate', { url: 'about:blank' })
      await ask('Page.navigate', { url })
      const loaded = `new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', () => done()))`
      await value(loaded)
    },
    press: async (key) => {
      const code = {
        ArrowDown: 40,
        ArrowUp: 38,
        ArrowRight: 39,
        ArrowLeft: 37,
        Enter: 13,
        Escape: 27,
        Tab: 9,
      }[key]
      const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined
      const event = {
        key,
        ...(code !== undefined && { windowsVirtualKeyCode: code }),
        ...(text !== undefined && { text }),
      }
      await ask('Input.dispatchKeyEvent', { type: 'keyDown', ...event })
      await ask('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
    },
    size: async (width, height, theme = 'light') => {
      await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false })
      await ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: theme }] })
    },
    screenshot: async () => {
      const { data } = await ask('Page.captureScreenshot', { format: 'png' })
      return Buffer.from(data as string, 'base64')
    },
    close: async () => {
      child.kill()
      await ended
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Messages end in a zero byte, both ways. */
function protocol(to: Writable, from: Readable, told: string[]) {
  const waiting = new Map<number, (answer: Answer) => void>()
  let rest = ''
  let last = 0
  from.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (rest + chunk).split('\0')
    rest = messages.pop() ?? ''
    for (const message of messages) {
      const answer = JSON.parse(message) as Answer
      if (answer.id !== undefined) waiting.get(answer.id)?.(answer)
      else if (/requestWillBeSent$|consoleAPICalled|exceptionThrown|entryAdded/.test(answer.method ?? ''))
        told.push(JSON.stringify([answer.method, answer.params]))
    }
  })
  return (method: string, params: object, sessionId?: string): Promise<Readonly<Record<string, unknown>>> =>
    new Promise((resolve, reject) => {
      const id = ++last
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id)
        if (error === undefined) resolve(result ?? {})
        else reject(new Error(`${method}: ${error.message}`))
      })
      to.write(`${JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) })}\0`)
    })
}
