import { idValues, uniformValues } from '../values.ts';
import type { TrainWorkload } from './workload.ts';

export interface NamedMatrix {
  readonly name: string;
  /** [in, out] for matrices of the blocks, [rows, width] for embeddings, [width] for norms. */
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** The weights that every library starts from. */
export function initialWeights(workload: TrainWorkload): NamedMatrix[] {
  const { width, inner, vocabulary, tokens, layers } = workload;
  const shapes: [string, number[]][] = [
    ['tokens', [vocabulary, width]],
    ['positions', [tokens, width]],
    ['norm', [width]],
  ];
  for (let layer = 0; layer < layers; layer++) {
    for (const name of ['q', 'k', 'v', 'o']) shapes.push([`${name}${layer}`, [width, width]]);
    shapes.push([`gate${layer}`, [width, inner]], [`up${layer}`, [width, inner]], [`down${layer}`, [inner, width]]);
    shapes.push([`before${layer}`, [width]], [`between${layer}`, [width]]);
  }
  return shapes.map(([name, shape], i) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = shape.length === 1 ? new Float32Array(size).fill(1) : uniformValues(size, 100 + i);
    return { name, shape, values: shape.length === 1 ? values : values.map((value) => value * 0.1) };
  });
}

/** Inputs and targets, one sequence after the other. */
export function trainTokens({ sequences, tokens, vocabulary }: TrainWorkload): {
  inputs: Int32Array<ArrayBuffer>;
  targets: Int32Array<ArrayBuffer>;
} {
  const ids = idValues(sequences * (tokens + 1), vocabulary, 7);
  const pick = (shift: number): Int32Array<ArrayBuffer> =>
    Int32Array.from(
      { length: sequences * tokens },
      (_, i) => ids[Math.floor(i / tokens) * (tokens + 1) + (i % tokens) + shift]!,
    );
  return { inputs: pick(0), targets: pick(1) };
}
