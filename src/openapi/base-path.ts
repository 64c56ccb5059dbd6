import { isObject } from '../config/objects.ts'

/**
 * What stands in front of the paths of a description: the path of its first server, or Swagger 2.0's basePath.
 * @param own the servers of the operation or of its path item, which count before those of the document
 */
export function basePathOf (document: Record<string, unknown>, own: unknown): string {
  if (document.swagger !== undefined) return trimmed(typeof document.basePath === 'string' ? document.basePath : '')
  const servers = Array.isArray(own) ? own : document.servers
  const server: unknown = Array.isArray(servers) ? servers[0] : undefined
  if (!isObject(server) || typeof server.url !== 'string') return ''
  const { url, variables } = server
  const filled = url.replace(/\{([^{}]*)\}/g, (whole, name: string) => {
    const variable = isObject(variables) && Object.hasOwn(variables, name) ? variables[name] : undefined
    return isObject(variable) && typeof variable.default === 'string' ? variable.default : whole
  })
  return trimmed(filled.replace(/^(?:[^/?#]*:)?\/\/[^/?#]*/, '').replace(/[?#][^]*$/, ''))
}

function trimmed (path: string): string {
  const bare = path.replace(/\/+$/, '')
  return bare === '' || bare.startsWith('/') ? bare : `/${bare.replace(/^\.\//, '')}`
}
