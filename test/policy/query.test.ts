import fc from 'fast-check'
import t from 'tap'
import { Refusal } from '../../src/policy/problems.ts'
import { compileQueryCheck } from '../../src/policy/query.ts'

const check = compileQueryCheck({ refused: ['sap-user', 'session_id', '$secret'], overrides: ['_httpmethod'] })

/** The code of the refusal; undefined where there is none. */
function codeOf (query: string): string | undefined {
  try {
    check?.(query)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

t.test('nothing is looked at where nothing is refused', async t => {
  t.equal(compileQueryCheck({ refused: [], overrides: [] }), undefined)
})

t.test('a name is refused however it is spelled', async t => {
  for (const name of [
    'sap-user', 'SAP-User', 'sap%2Duser', 'sap%2duser', '%73ap-user', '%53%41%50-user', '%2573ap-user', 'sap%252Duser', '+sap-user', 'sap-user+', '%20sap-user%09', '%2Bsap-user',
    'sap-user[]', 'sap-user[0]', 'sap-user%5B%5D', 'SAP-USER%5Bx%5D', '%C5%BFap-user', 'sap-user%00', 'sap%E2%80%8B-user', '%EF%BD%93ap-user', '?sap-user', 'a%26sap-user', 'a%3Bsap-user', '%3Fsap-user', 'a%2526sap-user', 'sap-user%3D1', '%24secret'
  ]) {
    for (const query of [`?${name}`, `?${name}=`, `?${name}=x`, `?a=b&${name}=x`, `?a=b;${name}=x`, `?${name}=x&a`, `?&;${name}`]) t.equal(codeOf(query), 'query-refused', query)
  }
})

t.test('a name that makes another method of a request is a method override', async t => {
  for (const query of ['?_HttpMethod=PATCH', '?_httpmethod=DELETE', '?a&%5FHttpMethod=x', '?_HttpMethod[]=x', '?%255FHTTPMETHOD']) t.equal(codeOf(query), 'method-override', query)
})

t.test('a malformed name is refused', async t => {
  for (const query of ['?%', '?a=1&%zz=1', '?%ff', '?%c0%ae=1', '?a%ed%a0%80', '?\u00e9=1', '?a b=1', '?%2=x']) t.equal(codeOf(query), 'query-refused', query)
})

t.test('what stands in a value, or within a name, is nobody\'s name', async t => {
  for (const query of [
    '', '?', '?&', '?=', '?=sap-user', '?a=sap-user', '?a=%26sap-user%3D1', '?next=%2Fweb%3Fsession_id%3D1', '?a=%zz', '?a=\u00e9', '?sap-user-name=1', '?xsap-user=1', '?user=1', '?sap-userx', '?a[sap-user]=1',
    '?$filter=sap-user%20eq%201&$top=5', '?100%25=1', '?a%2Bb=1', '?sap_user=1'
  ]) t.equal(codeOf(query), undefined, query)
})

t.test('no encoding of a name gets past, whatever stands around it', async t => {
  const way = fc.constantFrom<(letter: string) => string>(letter => letter, letter => letter.toUpperCase(), letter => `%${hexOf(letter)}`, letter => `%25${hexOf(letter)}`)
  const spelled = fc.tuple(fc.constantFrom('sap-user', 'session_id'), fc.array(way, { minLength: 10, maxLength: 10 })).map(([name, ways]) => [...name].map((letter, at) => ways[at]?.(letter) ?? letter).join(''))
  const around = fc.array(fc.constantFrom('a=1', '', 'b', '$top=1', 'c=%zz'), { maxLength: 4 }).map(parts => parts.map(part => `${part}&`).join(''))
  fc.assert(fc.property(around, spelled, fc.constantFrom('', '=', '=1', '[]=1', '%5b0%5d=1'), (before, name, after) => codeOf(`?${before}${name}${after}`) === 'query-refused'))
  t.pass('none did')
})

function hexOf (letter: string): string {
  return letter.charCodeAt(0).toString(16)
}
