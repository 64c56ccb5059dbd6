import { within } from '../common/memo.ts'
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
    request: names => within(requests, keyOf(names), () => compileHeaderRules(names)),
    answer: names => within(answers, `${keyOf(names)}${JSON.stringify(names.set)}`, () => compileAnswerRules(names))
  }
}

// No header's name holds a comma or a blank.
function keyOf ({ removed, kept }: HeaderNames): string {
  return `${[...removed].join()} ${[...kept].join()} `
}
