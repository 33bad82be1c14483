import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DType } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { type CumulativeLayout, planCumulative } from '../../src/kernels/cumulative.wgsl.ts';
import { stridedRows } from '../../src/kernels/lib/strided-rows.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { cumprodOp, cumsum, cumsumOp } from '../../src/ops/cumulative.ts';
import { read } from '../../src/ops/read.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { flip } from '../../src/ops/slice.ts';
import { scopeAsync } from '../../src/scope.ts';
import { type Shape, sizeOf } from '../../src/shape.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** A thread a row and 256 threads in tiles, whole rows and parts. */
const LAYOUTS: readonly CumulativeLayout[] = [
  { lanes: 1, parts: 1 },
  { lanes: 1, parts: 5 },
  { lanes: 256, parts: 1 },
  { lanes: 256, parts: 3 },
];
const WALKS: readonly { name: string; shape: Shape; axis: number }[] = [
  { name: 'rows', shape: [3, 1001], axis: 1 },
  { name: 'rows of vec4s', shape: [2, 1200], axis: 1 },
  { name: 'columns', shape: [700, 3], axis: 0 },
  { name: 'columns of vec4s', shape: [700, 4], axis: 0 },
];

describe.each(WALKS)('$name', ({ shape, axis }) => {
  it.each(LAYOUTS)('are scanned by $lanes lanes in $parts parts', async (layout) => {
    await scopeAsync(async () => {
      const plain = normalArray(5, shape);
      const nearOne = { ...plain, data: plain.data.map((v) => Math.fround(Math.sign(v) * Math.exp(0.01 * v))) };
      for (const [def, x] of [[cumsumOp, plain] as const, [cumprodOp, nearOne] as const]) {
        for (const [reverse, exclusive] of [
          [false, false] as const,
          [true, false] as const,
          [true, true] as const,
          [false, true] as const,
        ]) {
          const source = toTensor(device, x);
          const spec = {
            accumulation: def.name === 'cumsum' ? ('sum' as const) : ('prod' as const),
            rows: stridedRows(source, [axis]),
            dtype: 'f32' as DType,
            width: shape[axis]!,
            inner: sizeOf(shape.slice(axis + 1)),
            reverse,
            exclusive,
          };
          const plan = planCumulative(spec, 'gpu', layout);
          const out = Tensor.empty(device, shape, 'f32', 'test/out');
          const totals = plan.parts && Tensor.empty(device, [plan.parts.words], 'u32', 'test/parts');
          if (plan.parts) {
            const { kernel, params, workgroups } = plan.parts.first;
            device.dispatch(kernel, [source.binding(), totals!.binding()], params, workgroups);
          }
          const bindings = [source, ...(totals ? [totals] : []), out].map((tensor) => tensor.binding());
          device.dispatch(plan.scan.kernel, bindings, plan.scan.params, plan.scan.workgroups);
          const expected = def.reference([x], { axis, reverse, exclusive })[0]!.data;
          expect(worstError(await read(out), expected), `${def.name} ${reverse} ${exclusive}`).toBeLessThan(1e-5);
        }
      }
    });
  });
});

describe('cumsum', () => {
  it('from the end is that of the flipped view, flipped', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(6, [4, 9]));
      const turned = flip(cumsum(flip(x, [1])), [1]);
      expect(await read(cumsum(x, { reverse: true }))).toEqual(await read(turned));
    });
  });
});
