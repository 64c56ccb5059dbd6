/** What was asked cannot be done, by the fault of the command line or of what it names. Its text is for whoever typed it. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}
