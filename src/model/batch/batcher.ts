import { createHash } from 'node:crypto'
import { temporary } from '../http/failure.ts'
import type { Purse } from '../account/purse.ts'
import type { Clock } from '../limits/clock.ts'
import type { Usage } from '../model.ts'
import { endOf, neverAnswered, refusedBy } from './end.ts'
import { customIdOf, lineOf, mostInBatch, type Outcome } from './line.ts'
import type { Note, Notes } from './notes.ts'
import type { BatchOnServer, Service } from './service.ts'

/** How batches are made and waited for. */
export interface BatchSettings {
  /** Most requests in one batch. */
  readonly requests: number
  /** Name of the run, for whoever looks at the provider's list of batches. */
  readonly run: string
  /** Nothing was asked for so long: what is there goes out as a batch. */
  readonly quietMs: number
  /** Wait between two looks at a batch; it doubles from the first to the longest. */
  readonly firstLookMs: number
  readonly longestLookMs: number
  readonly clock: Clock
  /** Told when a batch has another state than before. */
  readonly onProgress: (progress: BatchProgress) => void
}

export interface BatchProgress {
  readonly who: string
  readonly batch: string
  readonly status: string
  readonly requests: number
  readonly completed: number
  readonly failed: number
}

interface Question<T> {
  /** Below the base URL. */
  readonly path: string
  readonly body: object
  /** Most it can take. */
  readonly most: Usage
  /** Reads the reply; throws IncompleteReply for one that should be asked for again. */
  readonly take: (reply: unknown) => T
}

/** Gathers questions to one model into batches, and answers them when their batch is done. */
export interface Batcher {
  /** Looks for the batches of earlier attempts, whose answers are then waited for instead of asking again. Refuses a server
   *  without a Batch API. */
  open(): Promise<void>
  ask<T>(question: Question<T>): Promise<T>
  /** Every answer so far is on disk: the batches that are read are forgotten. */
  settle(): Promise<void>
  /** Waits no longer; what is at the server goes on there. */
  close(reason: Error): void
}

/** Batches in which one request may go unanswered before that is the end. */
const mostTries = 3

export interface BatcherTools {
  readonly who: string
  readonly service: Service
  readonly notes: Notes
  readonly purse: Purse
  readonly settings: BatchSettings
}

export function createBatcher(tools: BatcherTools): Batcher {
  return new EndpointBatcher(tools)
}

interface Wanted {
  readonly id: string
  readonly path: string
  readonly line: Buffer
  readonly most: Usage
  readonly answer: (reply: unknown) => void
  readonly reject: (error: unknown) => void
  tries: number
  why: string
  /** Gives back what is set aside for it. */
  release: () => void
}

/** A batch that is at the server. */
interface Sent {
  readonly note: Note
  readonly id: string
  /** Of an earlier process: rows ask for its answers one after the other. */
  readonly isFound: boolean
  /** Those whose answer is still to be read. */
  waiting: Map<string, Wanted>
  isFollowed: boolean
}

class EndpointBatcher implements Batcher {
  readonly #tools: BatcherTools
  readonly #stop = new AbortController()
  readonly #found = new Map<string, Sent>()
  readonly #sent = new Set<Sent>()
  #pending: Wanted[] = []
  #pendingBytes = 0
  /** Batches on their way to the server or waited for there. */
  #running = 0
  #asked = 0
  #isListening = false

  constructor(tools: BatcherTools) {
    this.#tools = tools
  }

  async open(): Promise<void> {
    const { notes, service, who } = this.#tools
    const known = await notes.read(who)
    const found = await service.find(known.filter(({ batch }) => batch === null))
    for (const note of known) {
      const id = note.batch ?? found.get(note.key)?.id
      if (id === undefined) {
        // It never began. Another process may be about to begin its own.
        if (note.isOwn) await notes.remove(note)
        continue
      }
      const sent: Sent = { note, id, isFound: true, waiting: new Map(), isFollowed: false }
      this.#sent.add(sent)
      // What was asked again is in the later batch.
      for (const customId of note.customIds) this.#found.set(customId, sent)
    }
  }

  ask<T>({ path, body, most, take }: Question<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#stop.signal.throwIfAborted()
      const id = customIdOf(path, body)
      const line = lineOf(id, path, body)
      const answer = (reply: unknown): void => resolve(take(reply))
      const wanted: Wanted = {
        id,
        path,
        line,
        most,
        answer,
        reject,
        tries: 0,
        why: '',
        release: () => undefined,
      }
      const there = this.#found.get(id)
      if (there !== undefined) there.waiting.set(id, wanted)
      else this.#queue(wanted)
      this.#asked++
      if (!this.#isListening) void this.#untilQuiet()
    })
  }

  async settle(): Promise<void> {
    for (const sent of this.#sent) {
      if (sent.isFollowed || sent.waiting.size > 0 || !sent.note.isOwn) continue
      await this.#tools.notes.remove(sent.note)
      this.#sent.delete(sent)
    }
  }

  close(reason: Error): void {
    this.#stop.abort(reason)
    const waiting = [...this.#sent].flatMap((sent) => [...sent.waiting.values()])
    for (const { reject } of [...this.#pending.splice(0), ...waiting]) reject(reason)
  }

  #queue(wanted: Wanted): void {
    const { requests } = this.#tools.settings
    if (this.#pendingBytes + wanted.line.length > mostInBatch.bytes) this.#flush()
    this.#pending.push(wanted)
    this.#pendingBytes += wanted.line.length
    if (this.#pending.length >= Math.min(requests, mostInBatch.requests)) this.#flush()
  }

  async #untilQuiet(): Promise<void> {
    const { clock, quietMs } = this.#tools.settings
    this.#isListening = true
    for (let seen = -1; seen !== this.#asked;) {
      seen = this.#asked
      await clock.sleep(quietMs, this.#stop.signal).catch(() => undefined)
    }
    this.#isListening = false
    if (!this.#stop.signal.aborted) this.#flush()
  }

  /** Lets go what waits, as far as the caps allow; the rest waits for what a batch leaves of its share. */
  #flush(): void {
    for (const sent of new Set(this.#found.values()))
      if (sent.waiting.size > 0 && !sent.isFollowed) this.#run(() => this.#follow(sent), sent.waiting)
    while (this.#pending.length > 0) {
      const { part, refused } = this.#affordable()
      if (part.length > 0) {
        const waiting = new Map(part.map((wanted) => [wanted.id, wanted]))
        this.#run(() => this.#submit(waiting), waiting)
      }
      if (refused === null) continue
      // What is on its way may cost less than was set aside for it.
      if (this.#running > 0) return
      this.#pendingBytes = 0
      for (const { reject } of this.#pending.splice(0)) reject(refused)
    }
  }

  /** The next requests for one batch, with the most they can cost set aside; and what keeps the one behind them. */
  #affordable(): { part: Wanted[]; refused: unknown } {
    const { who, purse, settings } = this.#tools
    const most = Math.min(settings.requests, mostInBatch.requests)
    const part: Wanted[] = []
    let [bytes, refused]: [number, unknown] = [0, null]
    for (const wanted of this.#pending) {
      bytes += wanted.line.length
      const isFull = part.length === most || (part.length > 0 && bytes > mostInBatch.bytes)
      if (isFull || wanted.path !== this.#pending[0]?.path) break
      try {
        wanted.release = purse.reserve(who, wanted.most)
      } catch (error) {
        refused = error
        break
      }
      part.push(wanted)
    }
    this.#pending.splice(0, part.length)
    this.#pendingBytes = this.#pending.reduce((sum, { line }) => sum + line.length, 0)
    return { part, refused }
  }

  /** Its requests end with it if it fails. */
  #run(work: () => Promise<void>, waiting: ReadonlyMap<string, Wanted>): void {
    this.#running++
    work()
      .catch((error: unknown) => {
        for (const wanted of waiting.values()) this.#fail(wanted, error)
      })
      .finally(() => {
        this.#running--
        if (!this.#stop.signal.aborted) this.#flush()
      })
      .catch(() => undefined)
  }

  async #submit(waiting: Map<string, Wanted>): Promise<void> {
    const { who, notes, service, settings } = this.#tools
    const all = [...waiting.values()]
    const ids = all.map(({ id }) => id)
    const note = await notes.write(who, settings.clock.now(), ids)
    const requests = createHash('sha256').update(ids.join()).digest('hex').slice(0, 16)
    const lines = all.map(({ line }) => line)
    const metadata = { run: settings.run, requests }
    const { id } = await service.submit(note, all[0]?.path ?? '', lines, metadata)
    const sent: Sent = {
      note: await notes.name(note, id),
      ...{ id, isFound: false, waiting, isFollowed: false },
    }
    this.#sent.add(sent)
    await this.#follow(sent)
  }

  /** Waits for a batch, and reads its answers for those who want one by then. */
  async #follow(sent: Sent): Promise<void> {
    const { service } = this.#tools
    sent.isFollowed = true
    try {
      const { batch, looks } = await this.#end(sent.id)
      const waiting = sent.waiting
      sent.waiting = new Map()
      for (const file of [batch.output_file_id, batch.error_file_id])
        if (file) await service.read(file, (id, outcome) => this.#take(waiting, id, outcome))
      // One that was over before this process looked was told of by an earlier one: it goes on.
      const end = sent.isFound && looks === 1 ? null : endOf(batch)
      for (const wanted of waiting.values()) {
        this.#found.delete(wanted.id)
        if (end === null) this.#again(wanted, batch)
        else this.#fail(wanted, end)
      }
    } finally {
      sent.isFollowed = false
    }
  }

  async #end(id: string): Promise<{ batch: BatchOnServer; looks: number }> {
    const { service, settings, who } = this.#tools
    const { clock, longestLookMs, onProgress } = settings
    let [wait, told] = [settings.firstLookMs, '']
    for (let looks = 1; ; looks++) {
      this.#stop.signal.throwIfAborted()
      const batch = await service.look(id)
      const { total = 0, completed = 0, failed = 0 } = batch.request_counts ?? {}
      const now = `${batch.status} ${total} ${completed} ${failed}`
      if (now !== told)
        onProgress({ who, batch: id, status: batch.status, requests: total, completed, failed })
      told = now
      if (['completed', 'expired', 'failed', 'cancelled'].includes(batch.status)) return { batch, looks }
      await clock.sleep(wait, this.#stop.signal)
      wait = Math.min(longestLookMs, wait * 2)
    }
  }

  #take(waiting: Map<string, Wanted>, id: string, outcome: Outcome): void {
    const wanted = waiting.get(id)
    if (wanted === undefined) return
    if (outcome.kind === 'failed') {
      wanted.why = outcome.why
      return
    }
    try {
      if (outcome.kind === 'refused') throw refusedBy(this.#tools.who, outcome.why)
      wanted.answer(outcome.reply)
      wanted.release()
    } catch (error) {
      // A reply that lacks something is as good as none.
      if (temporary(error) !== null) {
        wanted.why = error instanceof Error ? error.message : String(error)
        return
      }
      this.#fail(wanted, error)
    }
    waiting.delete(id)
  }

  #again(wanted: Wanted, { id, status }: BatchOnServer): void {
    wanted.release()
    wanted.release = () => undefined
    if (++wanted.tries < mostTries) this.#queue(wanted)
    else this.#fail(wanted, neverAnswered(this.#tools.who, wanted.why || `${id}: ${status}`, mostTries))
  }

  #fail(wanted: Wanted, error: unknown): void {
    wanted.release()
    wanted.reject(error)
  }
}
