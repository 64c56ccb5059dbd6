// Compares the last run of Stryker (npm run mutants) with docs/mutants.md: each mutant that survived is on that page, with
// a reason, and each entry of the page has one that survived. Of files that were not in the run nothing is said.
//
// An entry stands under the file's heading, below the line of code in which the mutant begins:
//
//   ### `src/policy/decide.ts`
//   - `if (telling === undefined) return denied('internal', findings, [])`
//     - `telling === undefined` → `false`; `'internal'` → `""`, `"x"`: the reason.
//
// White space counts as one blank, and of code that takes several lines there is the beginning, with … behind it.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = join(dirname(fileURLToPath(import.meta.url)), '..')
const { files } = JSON.parse(readFileSync(join(project, 'dist/mutants/mutants.json'), 'utf8'))

const survived = new Map(Object.entries(files).flatMap(([file, { source, mutants }]) => mutants
  .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  .map(mutant => entry(file, ...placeOf(mutant.location, source.split('\n')), flat(mutant.replacement)))))
const listed = new Map(entriesOf(readFileSync(join(project, 'docs/mutants.md'), 'utf8')).filter(([, { file }]) => file in files))

const unlisted = [...survived].filter(([key]) => !listed.has(key))
const unneeded = [...listed].filter(([key]) => !survived.has(key))
report('survived, and is not listed', unlisted)
report('is listed, and no mutant that survived', unneeded)
console.log(`${survived.size} survived in ${Object.keys(files).length} files, ${listed.size} are listed`)
process.exitCode = unlisted.length + unneeded.length > 0 || survived.size === 0 ? 1 : 0

function report (what, entries) {
  for (const [, { file, line, was, becomes }] of entries) console.log(`${what}: ${file}\n  ${line}\n    ${was} → ${becomes}\n`)
}

function entry (file, line, was, becomes) {
  return [[file, line, was, becomes].join('\n'), { file, line, was, becomes }]
}

/** The line in which a mutant begins, and what of the code it changes. */
function placeOf ({ start, end }, lines) {
  const first = lines[start.line - 1]
  if (start.line === end.line) return [flat(first), flat(first.slice(start.column - 1, end.column - 1))]
  const was = flat([first.slice(start.column - 1), ...lines.slice(start.line, end.line - 1), lines[end.line - 1].slice(0, end.column - 1)].join('\n'))
  return [flat(first), was.length > 60 ? `${was.slice(0, 60).trim()} …` : was]
}

function entriesOf (page) {
  let file, line
  // An entry may go on in the next line of the page.
  return page.replace(/\n {4,}(?=\S)/g, ' ').split('\n').flatMap(text => {
    if (text.startsWith('#')) file = /^### `(.+)`$/.exec(text)?.[1]
    if (file === undefined) return []
    if (text.startsWith('- ')) line = spansOf(text)[0]?.code
    if (!text.startsWith('  - ')) return []
    return pairsOf(text).map(([was, becomes]) => entry(file, line, was, becomes))
  })
}

/** `was` → `becomes`, `or this`; `was` → … up to the colon. */
function pairsOf (text) {
  const pairs = []
  let was
  for (const { code, before, after } of spansOf(text)) {
    if (after.startsWith(' → ')) was = code
    else if (was !== undefined && (before.endsWith(' → ') || before.endsWith('`, '))) pairs.push([was, code])
    if (after.startsWith(': ')) break
  }
  return pairs
}

/** The spans of code in a line of Markdown, with what stands around each: as many backticks end one as began it. */
function spansOf (text) {
  return [...text.matchAll(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g)].map(found => ({
    code: flat(found[2]),
    before: text.slice(0, found.index),
    after: text.slice(found.index + found[0].length)
  }))
}

function flat (code) {
  return code.replace(/\s+/g, ' ').trim()
}
