import { z } from 'zod';

/** What a number of a field counts. */
export type Unit =
  | 'path'
  | 'name'
  | 'choice'
  | 'yes/no'
  | 'rows'
  | 'tokens'
  | 'steps'
  | 'rounds'
  | 'updates'
  | 'samples'
  | 'prompts'
  | 'checkpoints'
  | 'copies'
  | 'resamples'
  | 'fraction'
  | 'ratio'
  | 'logit'
  | 'rank'
  | 'number';

export interface FieldOptions {
  /**
   * Whether a run may go on from a checkpoint with another value. Safe is what changes none of the steps already taken
   * and, beyond rounding, no step to come that both values have: how long a run goes on, what it logs and keeps, how
   * much memory it takes. (max_steps stretches a decaying learning rate all the same.) Default false.
   */
  readonly safe?: boolean;
}

/** One configuration value: its type, its default, its unit and one line of help. */
export function field<T extends z.ZodType>(
  type: T,
  preset: z.util.NoUndefined<z.output<T>>,
  unit: Unit,
  help: string,
  { safe = false }: FieldOptions = {},
): z.ZodDefault<T> {
  return type.default(preset).meta({ description: help, unit, safe });
}

/** A group of fields; a file may leave out any of them, or the whole group. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape).prefault({} as never);
}

/** A whole number of at least `least`. */
export function whole(least: number) {
  return z.int(`a whole number`).min(least, `at least ${least}`);
}

/** A finite number from `least` to `most`, both allowed. */
export function between(least: number, most: number) {
  return z.number(`a number`).min(least, `at least ${least}`).max(most, `at most ${most}`);
}

/** A finite number above 0. */
export function positive(expected = 'more than 0') {
  return z.number(`a number`).positive(expected);
}

/** A text that is not empty. */
export function text() {
  return z.string('a text').min(1, 'a text that is not empty');
}

export function yesNo() {
  return z.boolean('true or false');
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, `one of ${values.join(', ')}`);
}
