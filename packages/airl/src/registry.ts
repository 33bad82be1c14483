import { ToolError } from '@dawngrad/tensor';

/** Takes a name back that was registered. */
export interface Registration {
  [Symbol.dispose](): void;
}

export interface RegistryOptions<Definition> {
  /** What a definition is called in messages. */
  readonly noun: string;
  /** The configuration key that chooses one. */
  readonly key: string;
  /** What is wrong with a definition that is no such thing, as "expected ..., got ..." would have it. */
  readonly faultOf: (definition: Definition) => { readonly expected: string; readonly got: string } | undefined;
}

const NAME = /^[a-z][a-z0-9_-]{0,59}$/;

/** Whether a text can be the name of a definition. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Definitions by name: those that are built in, and those that programs and plugins add while they run. */
export class Registry<BuiltIn extends string, Definition> {
  readonly #options: RegistryOptions<Definition>;
  readonly #definitions: Map<string, Definition>;

  constructor(builtIn: Readonly<Record<BuiltIn, Definition>>, options: RegistryOptions<Definition>) {
    this.#options = options;
    this.#definitions = new Map(Object.entries<Definition>(builtIn));
  }

  /** In the order of registration, the built-in ones first. */
  get names(): readonly (BuiltIn | OtherName)[] {
    return [...this.#definitions.keys()];
  }

  has(name: string): boolean {
    return this.#definitions.has(name);
  }

  /** Throws ToolError 'config' with the names that there are. */
  get(name: BuiltIn | OtherName): Definition {
    const definition = this.#definitions.get(name);
    if (definition !== undefined) return definition;
    throw new ToolError('config', {
      op: this.#options.key,
      expected: `one of ${this.names.join(', ')}`,
      got: JSON.stringify(name),
    });
  }

  /** Adds a definition under a name of its own. Throws ToolError 'config' for a name that is taken or unfit. */
  register(name: string, definition: Definition): Registration {
    const { noun, key, faultOf } = this.#options;
    if (typeof name !== 'string' || !isName(name)) {
      throw new ToolError('config', {
        op: `${noun} ${JSON.stringify(name)}`,
        expected: 'a name of small letters, digits, _ and -, which begins with a letter',
        got: JSON.stringify(name) ?? 'nothing',
      });
    }
    if (this.#definitions.has(name)) {
      throw new ToolError('config', {
        op: `${noun} "${name}"`,
        expected: `a name of its own; ${key} has ${this.names.join(', ')}`,
        got: 'one that is taken',
        hint: 'give it another name.',
      });
    }
    const fault = faultOf(definition);
    if (fault !== undefined) throw new ToolError('config', { op: `${noun} "${name}"`, ...fault });
    this.#definitions.set(name, definition);
    return {
      [Symbol.dispose]: () => {
        if (this.#definitions.get(name) === definition) this.#definitions.delete(name);
      },
    };
  }
}

/** A name that is not built in; leaves the built-in ones to an editor's completion. */
export type OtherName = string & {};

/** How messages call a value that is not what it should be. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
