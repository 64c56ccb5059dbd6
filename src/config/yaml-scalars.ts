import type { Scalar } from 'yaml'

// What YAML 1.1 readers take for true and false and YAML 1.2 for words.
const OLD_TRUTHS = /^(?:yes|no|on|off)$/i

/**
 * The value of a scalar, where it can be read in one way only. YAML turns plain 007 into 7, 1e3 into 1000 and
 * 12345678901234567890 into another number: such a scalar is a problem, never a silent change.
 * The problem's text quotes nothing: the scalar could be a secret.
 */
export function plainScalar (node: Scalar): { value: string | number | boolean | null, problem?: undefined } | { problem: string } {
  const { value, source = '', type } = node
  if (typeof value === 'number') {
    return String(value) === source ? { value } : { problem: 'this number can be read in several ways: write it in plain digits, or quote it if it is text' }
  }
  if (typeof value === 'boolean') {
    return String(value) === source ? { value } : { problem: 'write true or false in small letters, or quote it if it is text' }
  }
  if (typeof value !== 'string') return { value: null }
  if (type === 'PLAIN' && OLD_TRUTHS.test(value)) {
    return { problem: 'yes, no, on and off are words to some and truth values to others: write true or false, or quote it' }
  }
  return { value }
}
