/** What went wrong, by the room that found it. Stable: scripts may test for it. */
export type ErrorCode = 'config' | 'plan' | 'data' | 'model' | 'store' | 'verify' | 'train' | 'budget'

/** The one error class. `message` is the fact with the value; `hint` is the next step for the user. */
export class FulcrumError extends Error {
  override readonly name = 'FulcrumError'
  readonly code: ErrorCode
  readonly hint: string

  constructor(code: ErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.hint = hint
  }
}
