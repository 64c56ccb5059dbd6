import { PROBLEMS, type ProblemCode } from '../policy/problems.ts'

/**
 * What became of a request, by who has to look into it: `answered` by the upstream; `refused`, which is the caller's;
 * `left`, for the caller did; `upstream`, which failed; `gateway`, which could not, for want of keys, a token or room.
 */
export type Outcome = typeof OUTCOMES[number]

export const OUTCOMES = ['answered', 'refused', 'left', 'upstream', 'gateway'] as const

/** @param code of the problem; empty where there is none. @param status of the answer */
export function outcomeOf (code: string, status: number): Outcome {
  if (code === '') return status >= 500 ? 'upstream' : 'answered'
  // What is counted is one of the table.
  const { status: told } = PROBLEMS[code as ProblemCode]
  if (told === 499) return 'left'
  if (told === 502 || told === 504 || code.startsWith('upstream-')) return 'upstream'
  return told >= 500 ? 'gateway' : 'refused'
}
