import { isoDay } from '../common/dates.ts'
import type { Configuration } from '../config/configuration.ts'
import { certificatesOf, endOf, expiryWarnings } from '../config/expiry.ts'
import type { Mistake } from '../config/load.ts'
import { formatPath } from '../config/mistakes.ts'
import { findingsAbout, type Finding } from './finding.ts'

/** What is to be said of the two files, whose mistakes are warnings here, and of the certificates that they name. */
export function examineFiles ({ files, gateway, routes }: Configuration, mistakes: readonly Mistake[], now: number): Finding[] {
  const placed = certificatesOf(gateway)
  // What is said of a certificate has a line of its own.
  const told = new Set(placed.map(({ path }) => formatPath(path)))
  const ofFiles = mistakes.filter(({ file, path }) => !(file === files.config && told.has(path)))
  const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`
  return [
    findingsAbout('files', `${files.config}, ${files.routes}`).good(`are well-formed: ${count(Object.keys(gateway.issuers).length, 'issuer')}, ${count(Object.keys(gateway.upstreams).length, 'upstream')}, ${count(routes.length, 'rule')}; every secret and certificate that they name is there`),
    ...ofFiles.map(mistake => ofMistake(mistake, files.routes)),
    ...placed.flatMap(({ name, path, certificates }): Finding[] => {
      const about = findingsAbout('files', name)
      const warnings = expiryWarnings(certificates, now)
      const end = endOf(certificates)
      if (warnings.length === 0) return end === undefined ? [] : [about.good(`its certificates hold until ${isoDay(end)}`)]
      // Of authorities, one that has ended is mostly one that nobody needs any more.
      const hasEnded = end !== undefined && end <= now && path.at(-1) !== 'ca'
      return warnings.map(said => hasEnded ? about.bad(said, 'Put the new one in its place: it is taken at the next reload, or by SIGHUP.') : about.warning(said, 'Have the next one in its place before that day: it is taken at the next reload, or by SIGHUP.'))
    })
  ]
}

// What gets in the way of a rule stands with the rules.
function ofMistake ({ file, line, column, path, message }: Mistake, routes: string): Finding {
  return findingsAbout(file === routes ? 'rules' : 'files', `${file}:${line}:${column}`).warning(`${path === '' ? '' : `${path}: `}${message}`, 'Change it there, or leave it where it is meant.')
}
