import { criticObjectives, estimators } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import { nearest } from '../config/nearest.ts';
import type { Arm } from './arm.ts';

/** What a variant of an arm of R-AIRL may have of its own, with the names that there are. */
const CHOICES = { estimator: estimators, loss: criticObjectives } as const;
const KEYS = Object.keys(CHOICES) as (keyof typeof CHOICES)[];

/** The name of the arm that a variant such as `irl-interval+estimator=rloo+loss=hinge` is one of. */
export function baseName(text: string): string {
  return text.split('+', 1)[0] as string;
}

/**
 * A variant of an arm: the same but for another advantage estimator, another loss of the critic, or both. Throws ToolError
 * 'usage' where it is no such thing.
 *
 * @param plugins hashes of the plugins that names may come from; a part made with other ones is another part
 */
export function variantArm(base: Arm, text: string, plugins: readonly string[]): Arm {
  const choices: Partial<Record<keyof typeof CHOICES, string>> = {};
  const refuse = (expected: string, got: string, hint?: string): never => {
    throw new ToolError('usage', { op: `--arms ${text}`, expected, got, ...(hint === undefined ? {} : { hint }) });
  };
  if (base.method !== 'irl') refuse('a variant of an arm of R-AIRL', `one of ${base.name}`);
  for (const part of text.split('+').slice(1)) {
    const [word = '', name = '', ...more] = part.split('=');
    const key = KEYS.find((known) => known === word && more.length === 0 && choices[known] === undefined);
    if (key === undefined) return refuse(`${KEYS.map((one) => `+${one}=NAME`).join(' and ')}, each once`, `+${part}`);
    const { names } = CHOICES[key];
    if (!CHOICES[key].has(name)) {
      const close = nearest(name, names);
      return refuse(
        `${key} one of ${names.join(', ')}`,
        JSON.stringify(name),
        close === undefined ? 'a plugin adds names: --plugin FILE.' : `Did you mean ${close}?`,
      );
    }
    choices[key] = name;
  }
  return { ...base, ...choices, name: text, ...(plugins.length === 0 ? {} : { plugins }) };
}
