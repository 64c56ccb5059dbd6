// Stryker's runner for tap, with the likely and the quick tests first: most mutants are caught by the test that has the
// name of their file, in a tenth of the time of a test that starts gateways. And what of the code is not worth a mutant.
export { strykerValidationSchema } from '@stryker-mutator/tap-runner'
import { basename } from 'node:path'
import { strykerPlugins as tap, TapTestRunner } from '@stryker-mutator/tap-runner'

// A test file that is run by hand gives each of its tests 30 s: too little where others use the machine, too.
process.env.TAP_TIMEOUT = '300'

// What of the policy the tests of the policy do not catch, these few may; the others only pass through it.
const GATEWAYS_OF_POLICY = /\/gateway\/(issuers|one-reading|require|routing|step-up)\./

const ORDER = [/\/principal\/every-idp/, /\/policy\/principal\//, /\/policy\//, /\/inbound\/second-opinion/, /\/inbound\//, /\/config\//, /\/gateway\//]

class TapByCost extends TapTestRunner {
  async init () {
    await super.init()
    this.testFiles.sort(byCost(''))
  }

  async mutantRun (options) {
    const reached = options.testFilter ?? this.testFiles
    const ofPolicy = /\bsrc\/policy\//.test(options.activeMutant.fileName)
    const worthIt = reached.filter(file => !ofPolicy || !file.includes('/gateway/') || GATEWAYS_OF_POLICY.test(file))
    const result = await super.mutantRun({ ...options, testFilter: worthIt.sort(byCost(options.activeMutant.fileName)) })
    // A module that does not even load any more fails its tests, too.
    return result.status === 'error' ? { status: 'killed', nrOfTests: 1, killedBy: worthIt.slice(0, 1), failureMessage: result.errorMessage } : result
  }
}

TapByCost.inject = TapTestRunner.inject

createRunner.inject = tap[0].factory.inject
function createRunner (injector) {
  // The name of the global that the mutants look at, as tap's own runner gives it.
  return injector.provideValue('globalNamespace', '__stryker__').injectClass(TapByCost)
}

// Words for people: the tests assert codes and statuses, never prose.
const prose = {
  shouldIgnore (path) {
    const text = path.isStringLiteral() ? path.node.value : path.isTemplateLiteral() ? path.node.quasis.map(({ value }) => value.raw).join('') : ''
    return /[a-z,] [a-z]+ [a-z]/i.test(text) ? 'prose' : undefined
  }
}

export const strykerPlugins = [{ ...tap[0], factory: createRunner }, { kind: 'Ignore', name: 'prose', value: prose }]

// The test that has the name of the file first.
function byCost (mutated) {
  const name = basename(mutated, '.ts')
  const costOf = file => basename(file, '.test.js') === name ? -1 : ORDER.findIndex(pattern => pattern.test(file))
  return (one, other) => costOf(one) - costOf(other) || one.localeCompare(other)
}
