import { Command, Option } from 'commander'
import { createInterface } from 'node:readline'
import { loadConfiguration, formatMistake } from '../config/load.ts'
import type { Ask } from '../init/interview.ts'
import type { Answers, Question } from '../init/questions.ts'
import { CommandError } from './failure.ts'
import { withFiles, type FileOptions } from './files.ts'
import { onOneLine } from './terminal-text.ts'

/** `countersign init`: the files to begin with, by what is asked. */
export function initCommand (): Command {
  const command = withFiles(new Command('init'))
    .description('Write gateway.yaml, routes.yaml and routes.test.yaml to begin with: by what it asks, or by flags. No secret is asked for or written.')
    .option('--cases <file>', 'what the policy is to say; routes.test.yaml beside routes.yaml when left out')
    .option('--force', 'replace files that are there')
  for (const [flag, text] of FLAGS) command.addOption(new Option(`--${flag} <value>`, text))
  return command
    .addHelpText('after', `
What is not said by a flag is asked, where there is a terminal. Nothing is written unless all of it can be.
Exit status: 0 the files are there, 2 bad usage, or a file in the way.

Examples:
  $ countersign init
  $ countersign init --idp auth0 --erp sap
  $ countersign init --idp auth0 --issuer https://acme.eu.auth0.com/ --audience https://api.acme.com \\
      --erp-url https://erp.acme.com --client-id middleware --erp-audience https://erp.acme.com`)
    .action(init)
}

// As they stand in src/init/questions.ts, which is loaded only where it is needed.
const FLAGS: ReadonlyArray<readonly [flag: string, text: string]> = [
  ['idp', 'the IdP of the callers: auth0, keycloak, entra, …'],
  ['issuer', 'its issuer, to the letter'],
  ['audience', 'the audience of this API'],
  ['clients', 'client ids of the SaaS, where tokens name no audience'],
  ['tenant', 'what tells your tenant, where several share an issuer'],
  ['jwks-uri', 'the URL of its keys, where its document does not say it'],
  ['erp', 'the ERP: sap, dynamics, netsuite, …; generic for any other'],
  ['erp-url', 'its URL'],
  ['credential', 'client_credentials, client_assertion, basic, headers or none'],
  ['username', 'for basic'],
  ['token-endpoint', 'what gives tokens for the ERP, where that is not the IdP of the callers'],
  ['client-id', 'the gateway\'s own client id there'],
  ['kid', 'the name of its key, for client_assertion'],
  ['erp-audience', 'the audience of the ERP'],
  ['erp-resource', 'the resource of the ERP'],
  ['erp-scope', 'the scope for the ERP']
]

type Options = FileOptions & Answers & { readonly cases?: string, readonly force?: boolean }

async function init ({ config, routes, cases, force = false, ...given }: Options): Promise<void> {
  const [{ interview, Unanswered }, { writeTexts }, { writeFiles, WriteError }, { nextSteps }, { casesBeside }] = await Promise.all([import('../init/interview.ts'), import('../init/texts.ts'), import('../init/write-files.ts'), import('../init/next-steps.ts'), import('../config/load-cases.ts')])
  const prompt = process.stdin.isTTY && process.stdout.isTTY ? openPrompt() : undefined
  try {
    const answers = await interview(given, prompt?.ask)
    const texts = writeTexts(answers)
    const written = { config, routes, cases: cases ?? casesBeside(routes) }
    await writeFiles([{ path: config, text: texts.gateway }, { path: routes, text: texts.routes }, { path: written.cases, text: texts.cases }], { force, check: checkFiles })
    console.log([`written: ${Object.values(written).join(', ')}`, '', ...nextSteps(answers, written)].map(onOneLine).join('\n'))
  } catch (error) {
    if (error instanceof Unanswered || error instanceof WriteError) throw new CommandError(error.message)
    throw error
  } finally {
    prompt?.close()
  }
}

// What is written must be taken: secrets come later.
async function checkFiles ([config = '', routes = '']: readonly string[]): Promise<void> {
  const { mistakes } = await loadConfiguration({ config, routes }, process.env, { secrets: 'optional' })
  const errors = mistakes.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new CommandError(`these answers do not go together; nothing was written:\n${errors.map(formatMistake).join('\n')}`)
}

function openPrompt (): { readonly ask: Ask, close (): void } {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  // Several lines that are pasted at once are several answers: none is lost between two questions.
  const lines = terminal[Symbol.asyncIterator]()
  return {
    close: () => { terminal.close() },
    async ask (question, answers, wrong) {
      console.log(wrong === undefined ? `\n${textOf(question, answers)}` : `  ${onOneLine(wrong)}`)
      const preset = question.preset?.(answers)
      terminal.setPrompt(preset === undefined ? '> ' : `[${preset}] > `)
      terminal.prompt()
      const next: IteratorResult<string, undefined> = await lines.next()
      if (next.done === true) throw new CommandError('stopped: nothing was written')
      return next.value
    }
  }
}

function textOf ({ text, choices, usual }: Question, answers: Answers): string {
  const example = usual?.(answers)
  return [text, ...choices?.map(([name, title]) => `  ${name.padEnd(19)} ${title}`) ?? [], ...example === undefined ? [] : [`  like ${example}`]].join('\n')
}
