import type { ServerResponse } from 'node:http'

/**
 * Passes early hints on (RFC 8297): the links, which is what hints are made of, and nothing else of the upstream's.
 * @param headers those that may pass, flat
 */
export function giveHints (response: ServerResponse, headers: readonly string[]): void {
  // RFC 9110 section 15.2: HTTP/1.0 knows no interim answers.
  if (response.req.httpVersion === '1.0') return
  // Hints come without end and without backpressure: to a caller that does not read the last one none is given.
  if (response.socket === null || response.socket.writableLength > 0) return
  const link = headers.filter((_value, at) => at % 2 === 1 && headers[at - 1]?.toLowerCase() === 'link')
  if (link.length === 0) return
  try {
    response.writeEarlyHints({ link })
  } catch {
    // Node refuses a Link that is not well-formed. A hint that cannot be given is not given; the answer comes anyway.
  }
}
