import { applyOp, type OpDef } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

export interface ClampAttrs {
  readonly low: number;
  readonly high: number;
}

export const clampOp: OpDef<ClampAttrs> = {
  name: 'clamp',
  doc: 'y = min(max(x, low), high); the gradient is 0 outside [low, high]',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  run: ([x], [out], { low, high }) => [
    launchElementwise(
      { name: 'clamp', expr: 'clamp(x0, T(params.low), T(params.high))', scalars: ['low', 'high'] },
      [x!],
      out!,
      [low, high],
    ),
  ],
  reference: ([x], { low, high }) => [
    refArray(
      x!.shape,
      x!.data.map((v) => Math.min(Math.max(v, low), high)),
    ),
  ],
  samples: () => [
    { name: 'both sides', inputs: [normalArray(34, [8, 9], 2)], attrs: { low: -1, high: 0.5 } },
    { name: 'vec4', inputs: [normalArray(35, [64], 2)], attrs: { low: -0.25, high: 4 } },
  ],
  errors: () => [],
};

/** min(max(x, low), high). */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return applyOp(clampOp, [x], { low, high })[0]!;
}
