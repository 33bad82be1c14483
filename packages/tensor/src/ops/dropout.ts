import { ToolError } from '../errors.ts';
import { planDropout } from '../kernels/dropout.wgsl.ts';
import type { RandomAddress } from '../kernels/random.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { philox4x32, uniformFromWord } from '../rng.ts';
import { scalarValue } from '../scalar.ts';
import type { Tensor } from '../tensor.ts';
import { launchMove } from './launch-move.ts';
import { type RandomOptions, randomAddress } from './random.ts';
import { normalArray, refArray } from './reference.ts';

/** The probability, and the address of the random numbers. */
export interface DropoutAttrs extends RandomAddress {
  /** The probability of each element to become 0. */
  readonly p: number;
}

export const dropoutOp: OpDef<DropoutAttrs> = {
  name: 'dropout',
  dtypes: ['f32', 'f16', 'bf16'],
  tolerance: 'elementwise',
  doc: 'y = 0 with probability p, else x / (1 - p); which ones is a pure function of seed, stream and step',
  infer: ([x], { p }) => {
    if (!(p >= 0 && p <= 1)) {
      throw new ToolError('shape', { op: 'dropout', expected: 'a probability in [0, 1]', got: String(p) });
    }
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  run: ([x], [out], { p, ...at }) => [launchMove(() => planDropout(x!.dtype, x!, p, at), [x!], out!, 'tensor/dropout')],
  reference: ([x], { p, seed, stream, step }) => {
    const isKept = (i: number): boolean => {
      const words = philox4x32([Math.floor(i / 4), scalarValue(step), 0, 0], [scalarValue(seed), stream]);
      return uniformFromWord(words[i % 4]!) >= p;
    };
    return [
      refArray(
        x!.shape,
        x!.data.map((value, i) => (isKept(i) ? value / (1 - p) : 0)),
        x!.dtype,
      ),
    ];
  },
  samples: () => [
    { name: 'a matrix', inputs: [normalArray(261, [7, 9])], attrs: { p: 0.3, seed: 5, stream: 1, step: 2 } },
    { name: 'whole vectors', inputs: [normalArray(262, [3, 16])], attrs: { p: 0.5, seed: 6, stream: 0, step: 0 } },
    { name: 'none', inputs: [normalArray(263, [11])], attrs: { p: 0, seed: 7, stream: 0, step: 0 } },
    { name: 'all', inputs: [normalArray(264, [11])], attrs: { p: 1, seed: 7, stream: 0, step: 0 } },
    { name: 'nothing', inputs: [normalArray(265, [0, 3])], attrs: { p: 0.5, seed: 7, stream: 0, step: 0 } },
  ],
  errors: () => [
    {
      name: 'a probability above 1',
      inputs: [{ shape: [3], dtype: 'f32' }],
      attrs: { p: 1.5, seed: 0, stream: 0, step: 0 },
      code: 'shape',
    },
  ],
};

/**
 * Sets each element to 0 with probability p and divides the others by 1 - p. The gradient draws the same mask again
 * from (seed, stream, step), so none is stored: every call within a step needs a stream of its own. p = 0 gives x.
 */
export function dropout(x: Tensor, p: number, options: RandomOptions): Tensor {
  return p === 0 ? x : applyOp(dropoutOp, [x], { p, ...randomAddress(options) })[0]!;
}
