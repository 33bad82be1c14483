import { ToolError } from '@dawngrad/tensor';
import type { Example } from './example.ts';
import { hashText } from './hash-text.ts';

/** The form in which prompts are compared: case, white space and Unicode compatibility forms do not count. */
export function promptKey(prompt: string): string {
  return prompt.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

export interface TrainDev {
  readonly train: Example[];
  readonly dev: Example[];
}

/**
 * Cuts a dev split from the train examples, by prompt: the prompts with the smallest hashes under the
 * seed, `devFraction` of them (rounded). Rows with equal prompts stay on one side.
 */
export function cutDev(examples: readonly Example[], devFraction: number, seed: number): TrainDev {
  const keys = [...new Set(examples.map(({ prompt }) => promptKey(prompt)))];
  const byHash = keys.map((key) => [hashText(key, seed), key] as const).sort(([a], [b]) => a - b);
  const devKeys = new Set(byHash.slice(0, Math.round(keys.length * devFraction)).map(([, key]) => key));
  const isDev = ({ prompt }: Example): boolean => devKeys.has(promptKey(prompt));
  return { train: examples.filter((example) => !isDev(example)), dev: examples.filter(isDev) };
}

/** Throws if two of the named splits share a prompt; the message names one such pair of rows. */
export function assertDisjoint(splits: Readonly<Record<string, readonly Example[]>>): void {
  const owner = new Map<string, { split: string; id: string }>();
  for (const [split, examples] of Object.entries(splits)) {
    for (const { id, prompt } of examples) {
      const key = promptKey(prompt);
      const earlier = owner.get(key);
      if (earlier !== undefined && earlier.split !== split) {
        throw new ToolError('config', {
          op: 'data splits',
          expected: 'no prompt in two splits',
          got: `row ${id} of ${split} with the prompt of row ${earlier.id} of ${earlier.split}`,
          hint: 'Remove the row from one of the files.',
        });
      }
      owner.set(key, { split, id });
    }
  }
}
