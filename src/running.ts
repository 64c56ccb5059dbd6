import type { Logger } from 'pino'

/** A gateway that runs. */
export interface Running {
  readonly dataPort: number
  /** 0 where another process has it */
  readonly adminPort: number
  readonly log: Logger
  /** Reads both files again: a good configuration is put in the place of this one, a bad one changes nothing. Never rejects. */
  reload (): Promise<void>
  /** Stops taking requests, answers the open ones for at most `drain_timeout`, and lets go of everything. */
  close (): Promise<void>
}
