import * as z from 'zod'
import { byHand } from './by-hand.ts'
import { oneOrMany } from './notation.ts'

// What a query's name is once it is decoded, without what takes it apart: none of & ; = ? [ ] % + #.
const NAME = /^[A-Za-z0-9!$'()*,./:@^_`{|}~-]{1,128}$/

/** `refuse_query` of an upstream, of defaults or of a rule: names of query parameters, lower case once parsed. */
export function refuseQuery () {
  return oneOrMany(byHand(z.string(), (value, fail) => {
    if (typeof value !== 'string') return fail('expected the name of a query parameter', { found: true })
    return NAME.test(value) ? value.toLowerCase() : fail('is no name of a query parameter: write it decoded, without & ; = ? [ ] % + # and blanks')
  }))
}
