// Do the tests bite? npm run mutants changes the code of the policy and of the way in, one small thing at a time, and
// runs the tests that reach it, until one fails. What survives is listed at the end, and in dist/mutants/.
//
//   npm run mutants                                       all of it: hours
//   npm run mutants -- --mutate src/policy/decide.ts      one file; --concurrency 1 to leave room for others
//   COUNTERSIGN_MUTANTS=quick npm run mutants -- …        without the tests that start gateways: what docs/mutants.md lists
//   npm run mutants:listed                                whether that page has each survivor of the last run, and no other
//
// All mutants are compiled once, into one program: which of them is awake is said by the environment.
import { availableParallelism } from 'node:os'

const quick = [
  'dist/test/{policy,inbound}/**/*.test.js',
  'dist/test/config/{gateway,rules,settled,shipped}.test.js'
]
const gateways = [
  'credentials', 'every-answer', 'issuers', 'one-reading', 'public', 'rate-limits', 'request-guard', 'require',
  'routing', 'step-up', 'token-cache', 'token-times', 'tokens', 'too-much'
].map(name => `dist/test/gateway/${name}.test.js`)

export default {
  mutate: ['src/policy/**/*.ts', 'src/inbound/**/*.ts'],
  buildCommand: 'tsc -p tsconfig.json',
  plugins: ['./scripts/mutants-runner.mjs'],
  testRunner: 'tap',
  tap: {
    testFiles: process.env.COUNTERSIGN_MUTANTS === 'quick' ? quick : [...quick, ...gateways],
    forceBail: true
  },
  ignorers: ['prose'],
  coverageAnalysis: 'perTest',
  concurrency: availableParallelism(),
  // On a machine that others use too, a test is not caught by its mutant because it was slow.
  timeoutFactor: 4,
  timeoutMS: 30_000,
  dryRunTimeoutMinutes: 30,
  tempDirName: 'dist/stryker',
  ignorePatterns: ['dist', 'bench'],
  reporters: ['clear-text', 'progress-append-only', 'json', 'html'],
  clearTextReporter: { allowColor: false, logTests: false, skipFull: true },
  jsonReporter: { fileName: 'dist/mutants/mutants.json' },
  htmlReporter: { fileName: 'dist/mutants/mutants.html' },
  thresholds: { high: 95, low: 90, break: 90 },
  allowEmpty: false
}
