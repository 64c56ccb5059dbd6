#!/usr/bin/env node
import { neededNode, packageVersion } from './commands/package.ts'
import { whyNotOnThisNode } from './commands/runtime.ts'

// Before a package is loaded that this Node may not be able to read: its own error would explain nothing.
const refusal = whyNotOnThisNode(process.versions.node, neededNode())
if (refusal === undefined) {
  const { runProgram } = await import('./commands/program.ts')
  await runProgram()
} else {
  console.error(`countersign ${packageVersion()}: ${refusal}`)
  process.exitCode = 2
}
