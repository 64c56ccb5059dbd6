import { Refusal } from '../policy/problems.ts'
import type { Step } from './explanation.ts'

/** What a request was asked, in order; the first refusal is the verdict, and what could still be asked is asked. */
export class Story {
  readonly steps: Step[] = []
  /** the first there was */
  refusal: Refusal | undefined
  /** what is let through all the same */
  reported: Refusal | undefined

  /** Asks. @returns undefined where the answer is a refusal */
  ask<Answer> (name: string, act: () => Answer, saw: (answer: Answer) => string): Answer | undefined {
    try {
      const answer = act()
      this.pass(name, saw(answer))
      return answer
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.fail(name, error)
      return undefined
    }
  }

  pass (name: string, saw: string): void {
    this.steps.push({ name, outcome: 'pass', saw })
  }

  fail (name: string, refusal: Refusal, saw = refusal.extras.saw ?? refusal.detail): void {
    this.steps.push({ name, outcome: 'fail', saw })
    this.refusal ??= refusal
  }

  report (name: string, refusal: Refusal, saw: string): void {
    this.steps.push({ name, outcome: 'fail', saw })
    this.reported = refusal
  }

  open (name: string, saw: string): void {
    this.steps.push({ name, outcome: 'open', saw })
  }
}
