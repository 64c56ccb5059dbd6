import { casesSchema, type CasesFile } from './cases-schema.ts'
import { readSource } from './read-file.ts'
import type { Source } from './yaml.ts'
import { reportIssues } from './zod-mistakes.ts'

export interface LoadedCases {
  /** absent where any mistake was found */
  readonly file?: CasesFile
  /** where further mistakes are reported */
  readonly source: Source
}

/** Reads and checks a routes.test.yaml by itself; whether its names are those of the other two files is for who has them. */
export async function loadCases (path: string): Promise<LoadedCases> {
  const source = await readSource(path, 'Begin with two cases for each rule, one that is let in and one that is not:\n  cases:\n    - { request: GET /status, as: nobody, expect: allow }')
  if (source.value === undefined) {
    if (source.mistakes.length === 0) source.report([], 'there is nothing in it: cases is missing')
    return { source }
  }
  const parsed = casesSchema.safeParse(source.value)
  if (!parsed.success) reportIssues(parsed.error.issues, casesSchema, source)
  return parsed.success && source.mistakes.length === 0 ? { file: parsed.data, source } : { source }
}

/** `routes.test.yaml` for `routes.yaml`, in its folder. */
export function casesBeside (routes: string): string {
  return routes.replace(/(?:\.ya?ml)?$/, '.test.yaml')
}
