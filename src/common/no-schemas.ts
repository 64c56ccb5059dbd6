/**
 * For the frameworks here, none of whose routes has a schema: without it, each would load two compilers of schemas, a
 * tenth of the time that it takes to start.
 */
export const NO_SCHEMAS = { compilersFactory: { buildValidator: none, buildSerializer: none } } as const

function none (): never {
  throw new Error('no route here has a schema')
}
