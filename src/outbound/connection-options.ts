/**
 * Adds what a `Connection` header lists (RFC 9110 section 7.6.1), in lower case; `keep-alive` and `close` alone list no
 * header that could pass.
 */
export function withConnectionOptions (listed: Set<string> | undefined, value: string): Set<string> | undefined {
  if (value === 'keep-alive' || value === 'close' || /^(?:keep-alive|close)$/i.test(value)) return listed
  const options = listed ?? new Set<string>()
  for (const option of value.split(',')) options.add(option.trim().toLowerCase())
  return options
}
