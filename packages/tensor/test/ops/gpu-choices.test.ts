import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DType } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { stridedRows } from '../../src/kernels/lib/strided-rows.wgsl.ts';
import { planMultinomialDraws } from '../../src/kernels/multinomial.wgsl.ts';
import { planReduce } from '../../src/kernels/reduce.wgsl.ts';
import type { Reduction } from '../../src/kernels/reduce-folds.ts';
import { planSample } from '../../src/kernels/sample.wgsl.ts';
import { planSoftmax } from '../../src/kernels/softmax.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { reducedShape, reducedSize } from '../../src/ops/launch-reduce.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { reduceOps } from '../../src/ops/reduce.ts';
import { reduceSamples } from '../../src/ops/reduce-samples.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { launchSample } from '../../src/ops/sample.ts';
import { logSoftmaxOp, softmaxOp } from '../../src/ops/softmax.ts';
import { scopeAsync } from '../../src/scope.ts';
import { sizeOf } from '../../src/shape.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const empty = (shape: readonly number[], dtype: DType = 'f32'): Tensor =>
  Tensor.empty(device, shape, dtype, 'test/out');

// The tests run on drivers of a CPU, which choose other layouts by themselves.
describe('what a GPU would choose', () => {
  it('reduces as the reference does', async () => {
    await scopeAsync(async () => {
      const long = { name: 'long', inputs: [normalArray(1, [300_000])], attrs: { axes: [0], keepDims: false } };
      const wide = { name: 'wide', inputs: [normalArray(2, [5000, 12])], attrs: { axes: [0], keepDims: false } };
      const many = { name: 'many', inputs: [normalArray(3, [20_000, 3])], attrs: { axes: [1], keepDims: false } };
      for (const name of ['sum', 'max', 'logSumExp'] as const) {
        for (const { inputs, attrs, name: label } of [...reduceSamples(4), long, wide, many]) {
          const source = toTensor(device, inputs[0]!);
          const rows = stridedRows(source, attrs.axes);
          const spec = { reduction: name as Reduction, rows, dtype: 'f32', out: 'f32', scale: 1 } as const;
          const { first, parts } = planReduce(spec, 'gpu');
          const out = empty(reducedShape(source.shape, attrs));
          const states = parts && empty([parts.words], 'u32');
          launchPlan(first, [source], [states ?? out]);
          if (parts) launchPlan(parts.second, [states!], [out]);
          const expected = reduceOps[name].reference(inputs, attrs)[0]!.data;
          const typical = Math.sqrt(reducedSize(source.shape, attrs.axes));
          expect(worstError(await read(out), expected) / typical, `${name}, ${label}`).toBeLessThan(1e-5);
        }
      }
    });
  });

  it('takes softmaxes as the reference does', async () => {
    await scopeAsync(async () => {
      for (const def of [softmaxOp, logSoftmaxOp]) {
        for (const { inputs, attrs, name } of def.samples()) {
          const source = toTensor(device, inputs[0]!);
          if (source.size === 0) continue;
          const { shape } = source;
          const out = empty(shape);
          const spec = {
            rows: stridedRows(source, [attrs.axis]),
            dtype: 'f32',
            width: shape[attrs.axis]!,
            inner: sizeOf(shape.slice(attrs.axis + 1)),
            log: def === logSoftmaxOp,
          } as const;
          launchPlan(planSoftmax(spec, 'gpu'), [source], [out]);
          const expected = def.reference(inputs, attrs)[0]!.data;
          expect(worstError(await read(out), expected), `${def.name}, ${name}`).toBeLessThan(1e-5);
        }
      }
    });
  });

  it.each([300, 9001])('draws the same tokens and positions as a CPU driver, of %d', async (width) => {
    await scopeAsync(async () => {
      const rows = 40;
      const logits = toTensor(device, normalArray(5, [rows, width], 3));
      const ids = Tensor.from(
        device,
        Uint32Array.from({ length: rows }, (_, row) => row),
        [rows],
        'u32',
      );
      const spec = { rows, width, isLog: true, seed: 7, stream: 1, step: 2 };
      const settings = { temperature: 1.3, topK: 40, topP: 0.9, minP: 0.01 };
      const drawn = (['cpu', 'gpu'] as const).flatMap((adapterClass) => {
        const out = [empty([rows], 'u32'), empty([rows]), empty([rows, 5], 'u32')] as const;
        const plan = planSample({ rows, vocabulary: width, settings, seed: 7, stream: 1, adapterClass });
        launchSample(plan, [logits, ids, ids], undefined, [out[0], out[1]]);
        launchPlan(planMultinomialDraws(spec, 5, adapterClass), [logits], [out[2]]);
        return out;
      });
      const [tokens, logps, positions, tokens64, logps64, positions64] = await readAll(drawn);
      expect(tokens64).toEqual(tokens);
      expect(positions64).toEqual(positions);
      expect(worstError(logps64!, Float64Array.from(logps!))).toBeLessThan(1e-5);
    });
  });
});
