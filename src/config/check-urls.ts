import type { Draft } from './draft.ts'
import type { Path } from './mistakes.ts'
import { whyNotReachable } from './urls.ts'

/** Reports a URL that requests are not to be sent to. */
export function checkReachable (config: Draft['config'], path: Path, url: string | undefined, allowHttp: boolean | undefined): void {
  const problem = url === undefined ? undefined : whyNotReachable(url, allowHttp === true)
  if (problem !== undefined) config.report(path, problem)
}
