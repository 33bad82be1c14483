import type { Device, HostArray, Tensor } from '@dawngrad/tensor';
import { applyOp, readAll, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { opTable, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe.each(opTable.map((def) => [def.name, def] as const))('%s', (_, def) => {
  it.each(def.samples().map((sample) => [sample.name, sample] as const))(
    'agrees with its float64 reference: %s',
    async (_name, sample) => {
      const expected = def.reference(sample.inputs, sample.attrs);
      const actual = await scopeAsync<HostArray[]>(() =>
        readAll(
          applyOp(
            def,
            sample.inputs.map((input) => toTensor(device, input)),
            sample.attrs,
          ),
        ),
      );
      expect(actual.length).toBe(expected.length);
      for (const [i, values] of actual.entries()) {
        expect(worstError(values, expected[i]!.data), `output ${i}`).toBeLessThan(def.tolerance ?? 1e-5);
      }
    },
  );

  it('gives the same on strided views of its inputs', async ({ skip }) => {
    const sample = def
      .samples()
      .find(
        (s) => s.inputs.every((input) => input.data.length > 0) && s.inputs.some((input) => input.shape.length >= 2),
      );
    if (sample === undefined) return skip('no sample with a matrix');
    const expected = def.reference(sample.inputs, sample.attrs);
    const actual = await scopeAsync<HostArray[]>(() => {
      const inputs: Tensor[] = sample.inputs.map((input) => {
        const plain = toTensor(device, input);
        if (input.shape.length < 2 || (input.dtype ?? 'f32') !== 'f32') return plain;
        // The same values, stored with a row of padding before and an extra column in between.
        const [columns, rows] = [
          input.shape[input.shape.length - 1]!,
          input.data.length / input.shape[input.shape.length - 1]!,
        ];
        const wide = new Array<number>((rows + 1) * (columns + 1)).fill(Number.NaN);
        input.data.forEach((value, i) => {
          wide[(Math.floor(i / columns) + 1) * (columns + 1) + (i % columns)] = value;
        });
        const padded = toTensor(device, { shape: [rows + 1, columns + 1], data: Float64Array.from(wide) });
        const strides = new Array<number>(input.shape.length);
        let stride = columns + 1;
        strides[input.shape.length - 1] = 1;
        for (let axis = input.shape.length - 2; axis >= 0; axis--) {
          strides[axis] = stride;
          stride *= input.shape[axis]!;
        }
        return padded.view(input.shape, strides, columns + 1);
      });
      return readAll(applyOp(def, inputs, sample.attrs));
    });
    for (const [i, values] of actual.entries()) {
      expect(worstError(values, expected[i]!.data), `output ${i}`).toBeLessThan(def.tolerance ?? 1e-5);
    }
  });

  it.each(def.errors().map((error) => [error.name, error] as const))('refuses: %s', (_name, error) => {
    expect(() => def.infer(error.inputs, error.attrs)).toThrowError(expect.objectContaining({ code: error.code }));
  });
});

describe('lifetimes', () => {
  it('leave no live buffer behind a scope', async () => {
    const before = device.memory.liveBuffers;
    await scopeAsync(async () => {
      for (const def of opTable)
        for (const sample of def.samples())
          applyOp(
            def,
            sample.inputs.map((input) => toTensor(device, input)),
            sample.attrs,
          );
      await device.finish();
    });
    expect(device.memory.liveBuffers).toBe(before);
  });
});
