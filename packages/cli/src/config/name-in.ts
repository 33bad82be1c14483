import { z } from 'zod';

/** Names that may become more while the process runs. */
export interface OpenNames<Name extends string> {
  readonly names: readonly Name[];
}

const tables = new WeakMap<object, OpenNames<string>>();

/** One of the names that a registry has when a value is checked: plugins add to those that it begins with. */
export function nameIn<Name extends string>(registry: OpenNames<Name>): z.ZodType<Name, Name> {
  const message = (): string => `one of ${registry.names.join(', ')}`;
  const type = z.string({ error: message }).superRefine((value, context) => {
    if ((registry.names as readonly string[]).includes(value)) return;
    context.addIssue({ code: 'invalid_value', values: [...registry.names], input: value, message: message() });
  });
  tables.set(type, registry);
  return type as unknown as z.ZodType<Name, Name>;
}

/** The names that a type of `nameIn` takes now; undefined for other types. */
export function namesOfType(type: object): readonly string[] | undefined {
  return tables.get(type)?.names;
}
