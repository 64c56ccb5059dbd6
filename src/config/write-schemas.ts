import { writeFile } from 'node:fs/promises'
import { formatSchema, jsonSchemas } from './json-schema.ts'

// `npm run schemas`, from the repository's root.
for (const [name, schema] of Object.entries(jsonSchemas())) {
  await writeFile(`config/${name}`, formatSchema(schema))
}
