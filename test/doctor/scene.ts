import { loadConfiguration } from '../../src/config/load.ts'
import { examine } from '../../src/doctor/doctor.ts'
import type { Finding, Group } from '../../src/doctor/finding.ts'
import { startErp, type Erp } from '../support/erp.ts'
import { startIdp, type Idp, type IdpOptions } from '../support/idp.ts'
import { assertNoSecrets } from '../support/secrets.ts'
import { standardGateway, writeFiles, type Files, type Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

export interface Examined {
  readonly all: readonly Finding[]
  /** Of a group, as `about verdict`. */
  verdicts (group: Group): string[]
  /** All that is said in a group, with what to do. */
  text (group: Group): string
}

export interface Scene {
  readonly idp: Idp
  readonly erp: Erp
  readonly files: { readonly config: string, readonly routes: string }
  /** Nothing that is found shows a token or a secret. */
  examine (admin?: string): Promise<Examined>
}

export interface SceneOptions {
  readonly changes?: Settings
  readonly routes?: Files['routes']
  readonly idp?: IdpOptions
  readonly erp?: { readonly origin: string }
  readonly files?: Readonly<Record<string, string>>
}

const ROUTES = [{ match: 'GET /orders/:id', require: 'user' }, { match: 'POST /orders', require: { client: { scope: 'write' } } }]

/** Nobody listens there. */
export const NOBODY = 'http://127.0.0.1:1'

export async function startScene (t: TestContext, { changes, routes = ROUTES, idp: options, erp: other, files: more = {} }: SceneOptions = {}): Promise<Scene> {
  const idp = await startIdp(t, { alg: 'ES256', ...options })
  const erp = await startErp(t)
  const files = await writeFiles(t, { gateway: standardGateway({ idp, erp: other ?? erp }, changes), routes, files: more })
  return {
    idp,
    erp,
    files,
    async examine (admin = NOBODY) {
      const { configuration, mistakes } = await loadConfiguration(files, {})
      if (configuration === undefined) throw new Error(JSON.stringify(mistakes))
      return examined(await examine(configuration, { mistakes, admin, now: Date.now }))
    }
  }
}

export function examined (all: readonly Finding[]): Examined {
  assertNoSecrets(JSON.stringify(all))
  const of = (group: Group): readonly Finding[] => all.filter(one => one.group === group)
  return {
    all,
    verdicts: group => of(group).map(({ about, verdict }) => `${about} ${verdict}`),
    text: group => of(group).map(one => one.verdict === 'good' ? one.said : `${one.said} → ${one.remedy}`).join('\n')
  }
}
