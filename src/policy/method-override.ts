const OVERRIDES = new Set(['x-http-method', 'x-http-method-override', 'x-method-override'])

/** Whether a header of that name makes another method of a request. @param folded in lower case, dashes for all else */
export function isMethodOverride (folded: string): boolean {
  return OVERRIDES.has(folded)
}
