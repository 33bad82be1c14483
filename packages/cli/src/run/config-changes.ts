import { isDeepStrictEqual } from 'node:util';
import { ToolError } from '@dawngrad/tensor';

/** A field in which a start differs from the run that it goes on with. */
export interface ConfigChange {
  /** Dotted. */
  readonly key: string;
  /** Undefined where the side has no such field. */
  readonly was: unknown;
  readonly is: unknown;
}

export interface ChangeRules {
  /** Whether a run may go on with another value of a field. */
  readonly isSafe: (key: string) => boolean;
  /** What a field is that nobody set: a run from before the field was there has had that. */
  readonly presetOf: (key: string) => unknown;
}

/** Where a run goes on from a checkpoint with another configuration; one line a field. */
export class ChangedConfigError extends ToolError {
  constructor(file: string, refused: readonly ConfigChange[], accepted: readonly ConfigChange[]) {
    const count = refused.length === 1 ? '1 that may not change' : `${refused.length} that may not change`;
    const hint = 'give the values of the run, or start a new one in another run.dir';
    super('config', { op: file, expected: 'the configuration of the run', got: count, hint });
    this.name = 'ChangedConfigError';
    const also = accepted.map((change) => `  ${changeText(change)} (this one may change)`);
    this.message = [
      `${file}: a run that continues keeps its configuration; changed:`,
      ...refused.map((change) => `  ${changeText(change)}`),
      ...also,
      `Hint: ${hint}.`,
    ].join('\n');
  }
}

/**
 * The fields in which `given` differs from what a run has held, all of which may change. Throws ChangedConfigError
 * where one may not.
 */
export function acceptedChanges(file: string, held: unknown, given: object, rules: ChangeRules): ConfigChange[] {
  // By way of JSON, as the held one has been there.
  const plain = JSON.parse(JSON.stringify(given));
  const changes = differences(held, plain, '').filter(({ key, was, is }) => {
    return was !== undefined || !isDeepStrictEqual(is, rules.presetOf(key));
  });
  const refused = changes.filter(({ key }) => !rules.isSafe(key));
  if (refused.length > 0) {
    throw new ChangedConfigError(
      file,
      refused,
      changes.filter(({ key }) => rules.isSafe(key)),
    );
  }
  return changes;
}

/** `train.max_steps: 10 -> 20`. */
export function changeText({ key, was, is }: ConfigChange): string {
  const shown = (value: unknown): string => (value === undefined ? 'not there' : JSON.stringify(value));
  return `${key}: ${shown(was)} -> ${shown(is)}`;
}

function differences(held: unknown, given: unknown, key: string): ConfigChange[] {
  if (isDeepStrictEqual(held, given)) return [];
  if (isSection(given) && (isSection(held) || held === undefined)) {
    const names = new Set([...Object.keys(held ?? {}), ...Object.keys(given)]);
    return [...names].flatMap((name) => differences(held?.[name], given[name], key === '' ? name : `${key}.${name}`));
  }
  return [{ key, was: held, is: given }];
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
