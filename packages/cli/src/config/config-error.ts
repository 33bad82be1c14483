import { ToolError } from '@dawngrad/tensor';

/** One mistake of a configuration. */
export interface ConfigFault {
  /** `file:line`, the override as typed, or the file. */
  readonly place: string;
  /** Dotted; empty where the text as a whole is meant. */
  readonly key: string;
  readonly message: string;
}

/** All mistakes of a configuration, one a line. */
export class ConfigError extends ToolError {
  readonly faults: readonly ConfigFault[];

  constructor(source: string, faults: readonly ConfigFault[]) {
    const count = faults.length === 1 ? '1 mistake' : `${faults.length} mistakes`;
    super('config', { op: source, expected: 'a valid configuration', got: count });
    this.name = 'ConfigError';
    this.faults = faults;
    const lines = faults.map(
      ({ place, key, message }) =>
        `${place}: ${key === '' || place.replace(/^[+~]+/, '').startsWith(`${key}=`) ? '' : `${key}: `}${message}`,
    );
    this.message =
      faults.length === 1 ? lines[0]! : [`${source}: ${count}`, ...lines.map((line) => `  ${line}`)].join('\n');
  }
}
