import { QUESTIONS, type Answers, type Question } from './questions.ts'

/** Asks a person one question. @param wrong why the answer before it cannot be */
export type Ask = (question: Question, answers: Answers, wrong: string | undefined) => Promise<string>

/** What cannot be settled without asking. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered'
}

/**
 * The answers to all that is to be asked: what was given counts first, then what a person says, then what is usual.
 * @param ask undefined where nobody is there
 * @throws {Unanswered} where an answer is wrong, or missing and nobody is there
 */
export async function interview (given: Answers, ask: Ask | undefined): Promise<Answers> {
  const answers: Partial<Record<Question['name'], string>> = {}
  const missing: string[] = []
  const wrong: string[] = []
  for (const question of QUESTIONS) {
    if (!question.isAsked(answers)) continue
    const { name, flag, preset } = question
    const said = given[name]
    const problem = said === undefined ? undefined : question.whyNot(said, answers)
    if (problem !== undefined) wrong.push(`--${flag}: ${problem}`)
    // What comes after it hangs on it: the usual one keeps the others askable.
    const answer = said ?? (ask === undefined ? preset?.(answers) : await askUntilRight(question, answers, ask))
    if (answer === undefined) missing.push(`--${flag}`)
    else if (problem === undefined) answers[name] = answer
    else if (question.choices !== undefined) break
  }
  const unused = Object.keys(given).filter(name => !(name in answers)).flatMap(name => QUESTIONS.filter(question => question.name === name && !question.isAsked(answers)).map(({ flag }) => `--${flag}`))
  if (wrong.length > 0) throw new Unanswered(wrong.join('\n'))
  if (missing.length > 0) throw new Unanswered(`missing: ${missing.join(', ')} (there is no terminal to ask on)`)
  if (unused.length > 0) throw new Unanswered(`${unused.join(', ')} ${unused.length === 1 ? 'is' : 'are'} not for this IdP, ERP and credential`)
  return answers
}

async function askUntilRight (question: Question, answers: Answers, ask: Ask): Promise<string> {
  let wrong: string | undefined
  for (;;) {
    const said = (await ask(question, answers, wrong)).trim()
    const answer = said === '' ? question.preset?.(answers) : said
    wrong = answer === undefined ? 'this has to be said' : question.whyNot(answer, answers)
    if (answer !== undefined && wrong === undefined) return answer
  }
}
