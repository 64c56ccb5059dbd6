import type { Check } from './checks.ts'

const GROUPS = ['cases', 'negatives', 'coverage'] as const

/** A JUnit report, as CI systems read it: a suite for the cases, one for what was generated, one for the coverage. */
export function junitText (checks: readonly Check[]): string {
  const suites = GROUPS.map(group => checks.filter(check => check.group === group))
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="countersign test" ${counts(checks)}>`,
    ...suites.flatMap((suite, at) => [`  <testsuite name="${GROUPS[at] ?? ''}" ${counts(suite)}>`, ...suite.flatMap(testcase), '  </testsuite>']),
    '</testsuites>',
    ''
  ].join('\n')
}

function counts (checks: readonly Check[]): string {
  return `tests="${checks.length}" failures="${checks.filter(({ ok }) => !ok).length}" errors="0" skipped="0"`
}

function testcase ({ group, at, name, ok, details }: Check): string[] {
  const [, file = at, line = '1'] = /^(.*):(\d+)$/.exec(at) ?? []
  const head = `    <testcase classname="${escaped(group)}" name="${escaped(name)}" file="${escaped(file)}" line="${escaped(line)}"`
  if (ok) return [`${head}/>`]
  return [`${head}>`, `      <failure message="${escaped(details[0] ?? '')}">${escaped(details.join('\n'))}</failure>`, '    </testcase>']
}

// XML 1.0 section 2.2 has no place at all for most control characters, nor for half a surrogate pair.
function escaped (text: string): string {
  return text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"'\n\t\r]/g, found => ENTITIES[found] ?? '')
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;', '\n': '&#10;', '\t': '&#9;', '\r': '&#13;' }
