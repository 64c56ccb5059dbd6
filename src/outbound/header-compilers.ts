import { compileAnswerRules, type AnswerNames, type AnswerRules } from './answer-headers.ts'
import { compileHeaderRules, type HeaderNames, type HeaderRules } from './upstream-headers.ts'

/** Compiles verdicts over header names. */
export interface HeaderCompilers {
  request (names: HeaderNames): HeaderRules
  answer (names: AnswerNames): AnswerRules
}

/** Rules with the same names get one and the same verdict, which remembers what it saw: ten thousand are mostly alike. */
export function createHeaderCompilers (): HeaderCompilers {
  const requests = new Map<string, HeaderRules>()
  const answers = new Map<string, AnswerRules>()
  return {
    request: names => remembered(requests, JSON.stringify([[...names.removed], [...names.kept]]), () => compileHeaderRules(names)),
    answer: names => remembered(answers, JSON.stringify([[...names.removed], [...names.kept], names.set]), () => compileAnswerRules(names))
  }
}

function remembered<T> (known: Map<string, T>, key: string, make: () => T): T {
  const before = known.get(key)
  if (before !== undefined) return before
  const made = make()
  known.set(key, made)
  return made
}
