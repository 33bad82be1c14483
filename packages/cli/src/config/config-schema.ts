import { z } from 'zod';
import { namesOfType } from './name-in.ts';
import { type ConfigKind, SCHEMAS } from './schema.ts';

/** The JSON Schema of a configuration file, with the keys that say what the file is made of. */
export function configSchema(kind: ConfigKind): object {
  const { properties, ...schema } = z.toJSONSchema(SCHEMAS[kind], {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const names = namesOfType(zodSchema);
      if (names !== undefined) jsonSchema.enum = [...names];
    },
  });
  return {
    ...schema,
    properties: {
      kind: { const: kind, description: 'What the file configures.' },
      defaults: {
        type: 'array',
        items: { type: 'string' },
        description: 'Files that come before this one, beside it or in a folder _parts above it; the last one counts.',
      },
      ...properties,
    },
  };
}
