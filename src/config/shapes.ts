import * as z from 'zod'

/** The keys that a mapping may have which stands at that path below a schema; none where it is no such mapping. */
export function allowedKeys (schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema
  for (const part of path) at = step(unwrap(at), part)
  const found = unwrap(at)
  return found instanceof z.ZodObject ? Object.keys(found.shape) : []
}

function step (schema: unknown, part: PropertyKey): unknown {
  if (schema instanceof z.ZodObject) return schema.shape[String(part)]
  if (schema instanceof z.ZodRecord) return schema.valueType
  return schema instanceof z.ZodArray ? schema.element : undefined
}

function unwrap (schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault) return unwrap(schema.unwrap())
  if (schema instanceof z.ZodPipe) return unwrap(schema.out)
  return schema
}
