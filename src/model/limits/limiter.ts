import pLimit, { type LimitFunction } from 'p-limit'
import { FulcrumError } from '../../errors.ts'
import { type Breaker, type BreakerOptions, createBreaker, defaultBreaker } from './breaker.ts'
import { type Bucket, createBucket } from './bucket.ts'
import { type Clock, realClock } from './clock.ts'
import { createWindow, type Window } from './window.ts'

export interface Limits {
  /** Requests in flight at once at most; fewer while the endpoint says that it is too many. */
  readonly concurrency: number
  readonly requestsPerMinute?: number | undefined
  /** Prompt and completion tokens. */
  readonly tokensPerMinute?: number | undefined
  /** Longest wait for one whole answer, milliseconds. A connection that is dead and does not say so costs this once. */
  readonly timeoutMs: number
  readonly breaker: BreakerOptions
}

/** An hour: a reasoning model that writes 30,000 tokens at 20 a second takes 25 minutes. */
export const defaultLimits: Limits = { concurrency: 16, timeoutMs: 3_600_000, breaker: defaultBreaker }

/** What a failure says of the endpoint as a whole; neither: it is up, and refused this one request. */
export interface Strain {
  /** Too many requests: fewer at once from here. */
  readonly busy: boolean
  /** Nobody answered, the server itself failed, or it takes no requests: many of these in a row and it serves nobody. */
  readonly down: boolean
  /** How long it asks to be left alone, milliseconds. */
  readonly retryAfterMs: number | null
  /** In few words, for whoever reads that the endpoint is down. */
  readonly why: string
}

interface Attempt<T> {
  /** Most tokens it may take; the rest is put back. */
  readonly tokens: number
  readonly send: () => Promise<{ readonly value: T; readonly tokens: number }>
  readonly signal?: AbortSignal | undefined
}

/** Lets requests to one endpoint go when its limits allow. */
export interface Limiter {
  readonly limits: Limits
  run<T>(attempt: Attempt<T>): Promise<T>
  /** Lets no more requests go; resolves when those in flight have ended. */
  drain(reason: Error): Promise<void>
  /** Requests that are in flight or wait to be. */
  readonly load: { readonly inFlight: number; readonly waiting: number }
}

export function createLimiter(
  endpoint: string,
  limits: Limits,
  /** Null for an error that is not the endpoint's. */
  strainOf: (error: unknown) => Strain | null,
  clock: Clock = realClock,
): Limiter {
  checkLimits(limits)
  return new EndpointLimiter(endpoint, limits, strainOf, clock)
}

/** Requests take their places before their tokens, so that few wait for tokens and none passes another. */
class EndpointLimiter implements Limiter {
  readonly limits: Limits
  readonly #endpoint: string
  readonly #strainOf: (error: unknown) => Strain | null
  readonly #clock: Clock
  readonly #slots: LimitFunction
  readonly #requests: Bucket | null
  readonly #tokens: Bucket | null
  readonly #breaker: Breaker
  readonly #window: Window
  #pausedUntil = 0
  #inFlight = 0
  #stopped: Error | null = null
  #gaveUp: Error | null = null
  #lastWhy = ''
  #tellSettled: (() => void)[] = []

  constructor(endpoint: string, limits: Limits, strainOf: (error: unknown) => Strain | null, clock: Clock) {
    const { concurrency, requestsPerMinute: rpm, tokensPerMinute: tpm } = limits
    this.limits = limits
    this.#endpoint = endpoint
    this.#strainOf = strainOf
    this.#clock = clock
    this.#slots = pLimit(concurrency)
    // A sixth: servers that count requests by the minute look at shorter spans too.
    this.#requests = rpm === undefined ? null : createBucket(rpm, rpm / 6, clock)
    this.#tokens = tpm === undefined ? null : createBucket(tpm, tpm, clock)
    this.#breaker = createBreaker(limits.breaker, clock)
    this.#window = createWindow(concurrency, clock)
  }

  get load(): Limiter['load'] {
    const { pendingCount, activeCount } = this.#slots
    return { inFlight: this.#inFlight, waiting: pendingCount + activeCount - this.#inFlight }
  }

  run<T>(attempt: Attempt<T>): Promise<T> {
    return this.#slots(() => this.#patiently(attempt))
  }

  async drain(reason: Error): Promise<void> {
    this.#stopped = reason
    if (this.#inFlight > 0) await new Promise<void>((done) => this.#tellSettled.push(done))
  }

  /** While the endpoint is down the one place that is left tries it, until it is up again or patience ends. */
  async #patiently<T>(attempt: Attempt<T>): Promise<T> {
    for (;;) {
      attempt.signal?.throwIfAborted()
      if (this.#stopped !== null) throw this.#stopped
      const { downSince, isGivenUp } = this.#breaker
      if (downSince === null) return this.#once(attempt)
      if (isGivenUp) throw (this.#gaveUp ??= this.#downError(downSince))
      await this.#breaker.beforeTrial(attempt.signal)
      try {
        return await this.#once(attempt)
      } catch (error) {
        const strain = this.#strainOf(error)
        if (strain?.down !== true || (strain.retryAfterMs ?? 0) > longestPauseMs) throw error
      }
    }
  }

  async #once<T>({ tokens, send, signal }: Attempt<T>): Promise<T> {
    const reserved = (await this.#tokens?.take(tokens, signal)) ?? 0
    await this.#requests?.take(1, signal)
    const pause = (): number => this.#pausedUntil - this.#clock.now()
    while (pause() > 0) await this.#clock.sleep(Math.ceil(pause()), signal)
    const sentAt = this.#clock.now()
    let used = 0
    this.#inFlight++
    try {
      signal?.throwIfAborted()
      if (this.#stopped !== null) throw this.#stopped
      const answer = await send()
      used = answer.tokens
      this.#breaker.succeeded()
      this.#window.grow()
      return answer.value
    } catch (error) {
      this.#learn(sentAt, error)
      throw error
    } finally {
      this.#inFlight--
      this.#tokens?.refund(reserved - used)
      this.#resize()
      if (this.#inFlight === 0) for (const tell of this.#tellSettled.splice(0)) tell()
    }
  }

  #learn(sentAt: number, error: unknown): void {
    const strain = this.#strainOf(error)
    if (strain === null) return
    const { busy, down, retryAfterMs, why } = strain
    this.#lastWhy = why
    if (busy) this.#window.cut(sentAt)
    if (busy && retryAfterMs !== null) {
      const until = this.#clock.now() + Math.min(retryAfterMs, longestPauseMs)
      this.#pausedUntil = Math.max(this.#pausedUntil, until)
    }
    if (down) this.#breaker.failed()
    else this.#breaker.succeeded()
  }

  #resize(): void {
    const wanted = this.#breaker.downSince === null ? this.#window.size : 1
    if (this.#slots.concurrency !== wanted) this.#slots.concurrency = wanted
  }

  #downError(since: number): FulcrumError {
    const { inFlight, waiting } = this.load
    return new FulcrumError(
      'model',
      `${this.#endpoint} is down since ${new Date(since).toISOString().slice(0, 19)}Z (${this.#lastWhy}); ${inFlight + waiting} requests waited`,
      'Start it again, then resume with the same command: finished shards and the answers in the ledger are kept.',
    )
  }
}

/** A server that asks for more is taken at its word elsewhere: the run ends. */
const longestPauseMs = 600_000

function checkLimits({ concurrency, requestsPerMinute, tokensPerMinute, timeoutMs }: Limits): void {
  const wrong = [
    ...(Number.isInteger(concurrency) && concurrency >= 1 ? [] : [`concurrency ${concurrency}`]),
    ...((requestsPerMinute ?? 1) > 0 ? [] : [`${requestsPerMinute} requests a minute`]),
    ...((tokensPerMinute ?? 1) > 0 ? [] : [`${tokensPerMinute} tokens a minute`]),
    ...(timeoutMs > 0 ? [] : [`timeout ${timeoutMs} ms`]),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'config',
    `An endpoint cannot be asked with ${wrong.join(', ')}`,
    'Give values above 0.',
  )
}
