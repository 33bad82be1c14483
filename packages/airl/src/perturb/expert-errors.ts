import { ToolError } from '@dawngrad/tensor';
import { Draws } from '../data/draws.ts';
import type { Example } from '../data/example.ts';
import { permutation } from '../data/order.ts';
import { STREAMS } from '../data/streams.ts';
import { corruptTarget, countCorruptions } from './corrupt-target.ts';
import type { TextEditName } from './text-edits.ts';

export interface ExpertErrorOptions {
  /** Share of the experts that are made wrong, 0 to 1. */
  readonly rate: number;
  readonly functions: readonly TextEditName[];
  readonly seed: number;
}

export interface ExpertErrors {
  /** The examples in their order; corrupted ones say so, and keep their gold answer. */
  readonly examples: Example[];
  readonly corrupted: number;
  readonly byKind: Readonly<Record<string, number>>;
}

/**
 * Experts made wrong before training, to see how much a method bears (`data.expert_error_rate`): exactly
 * the rounded share of those with a target. A pure function of the examples and the seed.
 *
 * @throws ToolError `config` where fewer experts can be corrupted than asked for
 */
export function corruptExperts(examples: readonly Example[], options: ExpertErrorOptions): ExpertErrors {
  const { rate, functions, seed } = options;
  const result = [...examples];
  const withTarget = examples.flatMap(({ target }, i) => (target === undefined ? [] : [i]));
  const wanted = Math.round(withTarget.length * rate);
  const made: { functions: readonly string[] }[] = [];
  for (const place of permutation(seed, STREAMS.expertErrors, 0, withTarget.length)) {
    if (made.length === wanted) break;
    const index = withTarget[place]!;
    const example = examples[index]!;
    const corrupted = corruptTarget(
      { target: example.target! },
      functions,
      new Draws(seed, STREAMS.expertErrors, 1 + place),
    );
    if (corrupted === undefined) continue;
    made.push(corrupted);
    result[index] = { ...example, target: corrupted.text, isExpertError: true };
  }
  if (made.length < wanted) {
    throw new ToolError('config', {
      op: 'data.expert_error_rate',
      expected: `${wanted} of ${withTarget.length} experts that ${functions.join(', ')} can change`,
      got: String(made.length),
      hint: 'Name other edits in negatives.functions, or lower the rate.',
    });
  }
  return { examples: result, corrupted: made.length, byKind: countCorruptions(made) };
}
