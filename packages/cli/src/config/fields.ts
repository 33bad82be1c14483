import { z } from 'zod';
import { type ConfigKind, SCHEMAS } from './schema.ts';

/** A field of a configuration as documentation and messages need it. */
export interface FieldInfo {
  /** Dotted, such as `critic.lora.rank`. */
  readonly key: string;
  readonly preset: unknown;
  readonly unit: string;
  readonly help: string;
  /** Whether a run may be resumed with another value. */
  readonly safe: boolean;
}

const cache = new Map<ConfigKind, readonly FieldInfo[]>();

/** The fields of a kind, in the order of the schema. */
export function fieldsOf(kind: ConfigKind): readonly FieldInfo[] {
  const found = cache.get(kind);
  if (found !== undefined) return found;
  const fields = collect(SCHEMAS[kind], '');
  cache.set(kind, fields);
  return fields;
}

function collect(type: z.core.$ZodType, key: string): FieldInfo[] {
  if (type instanceof z.ZodPrefault) return collect(type.def.innerType, key);
  if (type instanceof z.ZodObject) {
    return Object.entries(type.shape).flatMap(([name, inner]) => collect(inner, key === '' ? name : `${key}.${name}`));
  }
  const meta = z.globalRegistry.get(type) ?? {};
  return [
    {
      key,
      preset: type instanceof z.ZodDefault ? type.def.defaultValue : undefined,
      unit: String(meta.unit ?? ''),
      help: meta.description ?? '',
      safe: meta.safe === true,
    },
  ];
}
