import { uniformValues } from '../values.ts';
import { GPT, type GptSize } from './gpt-size.ts';

export interface NamedMatrix {
  readonly name: string;
  /** [in, out] for matrices of the blocks, [rows, width] for embeddings, [width] for norms. */
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** The weights that every library starts from: gains 1, biases 0, all others within 0.04 of 0. */
export function initialWeights({ vocabulary, tokens }: GptSize): NamedMatrix[] {
  const { width, layers } = GPT;
  const shapes: [string, number[]][] = [
    ['wte', [vocabulary, width]],
    ['wpe', [tokens, width]],
    ['gain', [width]],
    ['bias', [width]],
  ];
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ['q', 'k', 'v', 'o']) shapes.push([`${name}${layer}`, [width, width]]);
    shapes.push([`up${layer}`, [width, 4 * width]], [`down${layer}`, [4 * width, width]]);
    for (const norm of ['before', 'between'])
      shapes.push([`${norm}Gain${layer}`, [width]], [`${norm}Bias${layer}`, [width]]);
  }
  // The seed is the place in the list, as in the script that the peers' first losses are known from.
  return shapes.map(([name, shape], i) => ({ name, shape, values: initialValues(name, shape, 100 + i) }));
}

function initialValues(name: string, shape: readonly number[], seed: number): Float32Array<ArrayBuffer> {
  const size = shape.reduce((a, b) => a * b, 1);
  if (shape.length === 1) return new Float32Array(size).fill(/gain/i.test(name) ? 1 : 0);
  return uniformValues(size, seed).map((value) => value * 0.08);
}

/** Inputs and targets, one sequence after the other. */
export function gptTokens({ sequences, tokens, vocabulary }: GptSize): {
  inputs: Int32Array<ArrayBuffer>;
  targets: Int32Array<ArrayBuffer>;
} {
  const ids = uniformValues(sequences * (tokens + 1), 7).map((value) => Math.floor((value + 0.5) * vocabulary));
  const pick = (shift: number): Int32Array<ArrayBuffer> =>
    Int32Array.from(
      { length: sequences * tokens },
      (_, i) => ids[Math.floor(i / tokens) * (tokens + 1) + (i % tokens) + shift]!,
    );
  return { inputs: pick(0), targets: pick(1) };
}
