import { type Device, Scalar, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stepSignature } from '../../src/plan/step-signature.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

it('tells apart what makes another plan, and nothing else', () => {
  const make = (): Tensor => Tensor.from(device, [1, 2, 3, 4], [2, 2]);
  const [a, b] = [make(), make()];
  const flat = a.view([4], [1], 0);
  const turned = a.view([2, 2], [1, 2], 0);
  const scalar = new Scalar(1);
  const different: unknown[][] = [
    [a],
    [flat],
    [turned],
    [a, b],
    [a, a],
    [[a, b]],
    [{ x: a }],
    [{ y: a }],
    [1],
    ['1'],
    [1n],
    [true],
    [null],
    [undefined],
    [[]],
    [],
    [scalar],
    [new Scalar(1)],
    [Number.NaN],
    [['a', 'b']],
    [['a,b']],
    [{ a: { b: 1 } }],
    [{ a: {}, b: 1 }],
  ];
  const signatures = different.map(stepSignature);
  expect(new Set(signatures).size).toBe(signatures.length);
  scalar.value = 2;
  const other = make();
  expect(stepSignature([scalar, b])).toBe(stepSignature([scalar, other]));
  for (const tensor of [a, b, flat, turned, other]) tensor.dispose();
});
