import {
  add,
  affine,
  compile,
  copyInto,
  type Device,
  exp,
  linear,
  matmul,
  multiply,
  read,
  reshape,
  Scalar,
  scopeAsync,
  silu,
  sum,
  Tensor,
  withObserver,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const values = async (tensor: Tensor): Promise<number[]> => [...(await read(tensor))];
const normal = (seed: number, shape: number[]): Tensor => toTensor(device, normalArray(seed, shape));

describe('a compiled step', () => {
  it('gives what the function gives, at the first call and at replays with other arguments', async () => {
    const body = (x: Tensor, { w }: { w: Tensor }): Tensor => sum(silu(linear(x, w)), { axes: [1] });
    const step = compile(device, body);
    for (let call = 0; call < 3; call++) {
      await scopeAsync(async () => {
        const [x, w] = [normal(call, [5, 8]), normal(10 + call, [12, 8])];
        expect(await values(step(x, { w }))).toEqual(await values(body(x, { w })));
      });
    }
    expect(step.plans).toHaveLength(1);
    step.dispose();
  });

  it('makes a plan for each shape and finds it again', async () => {
    const step = compile(device, (x: Tensor) => exp(x));
    for (const size of [3, 5, 3, 5]) {
      await scopeAsync(async () => {
        const x = normal(size, [size]);
        expect(await values(step(x))).toEqual(await values(exp(x)));
      });
    }
    expect(step.plans).toHaveLength(2);
    step.dispose();
  });

  it('replays without a new buffer or bind group, in one pass and one submit', async () => {
    const w = normal(1, [16, 16]);
    const step = compile(device, (x: Tensor) => silu(linear(silu(linear(x, w)), w)));
    const run = () =>
      scopeAsync(async () => {
        const x = Tensor.from(device, new Float32Array(64), [4, 16]);
        await read(step(x));
      });
    for (let i = 0; i < 3; i++) await run();
    const before = device.counters;
    await run();
    const after = device.counters;
    expect(after.dispatches - before.dispatches).toBe(2);
    expect([after.submits - before.submits, after.passes - before.passes]).toEqual([1, 1]);
    expect(after.buffersCreated).toBe(before.buffersCreated);
    expect(after.bindGroupsCreated).toBe(before.bindGroupsCreated);
    step.dispose();
    w.dispose();
  });

  it('fuses pointwise chains, scalars and repeated operands included', async () => {
    const body = (a: Tensor, b: Tensor): Tensor => multiply(add(affine(a, 2, 1), affine(b, 3, -1)), affine(a, 2, 1));
    const step = compile(device, body);
    await scopeAsync(async () => {
      const [a, b] = [normal(1, [6, 7]), normal(2, [7])];
      expect(await values(step(a, b))).toEqual(await values(body(a, b)));
      expect(step.plans[0]!.launches).toHaveLength(1 + 1); // b broadcasts: its own chain is not recomputed per row
    });
    step.dispose();
  });

  it('does not fuse over a reshape that changes the order of reads', async () => {
    const body = (a: Tensor, b: Tensor): Tensor => exp(reshape(add(a, b), [3, 8]));
    const step = compile(device, body);
    await scopeAsync(async () => {
      const [a, b] = [normal(1, [4, 6]), normal(2, [4, 1])];
      expect(await values(step(a, b))).toEqual(await values(body(a, b)));
    });
    step.dispose();
  });

  it('puts a pointwise reader into the matmul, and keeps the sum where somebody else reads it too', async () => {
    const body = (x: Tensor, w: Tensor, bias: Tensor): Tensor[] => {
      const sum = matmul(x, w);
      const activated = silu(add(sum, bias));
      return [matmul(activated, w), multiply(sum, activated)];
    };
    const step = compile(device, body);
    await scopeAsync(async () => {
      const [x, w, bias] = [normal(1, [9, 12]), normal(2, [12, 12]), normal(3, [12])];
      const [planned, eager] = [step(x, w, bias), body(x, w, bias)];
      expect(await values(planned[0]!)).toEqual(await values(eager[0]!));
      expect(await values(planned[1]!)).toEqual(await values(eager[1]!));
      expect(step.plans[0]!.launches).toHaveLength(3);
    });
    step.dispose();
  });

  it('updates what it finds outside in place, once a call', async () => {
    const total = Tensor.from(device, [0, 0], [2]);
    const step = compile(device, (x: Tensor) => {
      copyInto(total, add(total, x));
      return total;
    });
    for (let i = 1; i <= 3; i++) {
      await scopeAsync(async () => {
        expect(await values(step(Tensor.from(device, [1, 10], [2])))).toEqual([i, 10 * i]);
      });
    }
    step.dispose();
    total.dispose();
  });

  it('reads scalars anew at each replay, also of several replays in one submit', async () => {
    const factor = new Scalar(1);
    const step = compile(device, (x: Tensor) => affine(x, factor, 0));
    await scopeAsync(async () => {
      const x = Tensor.from(device, [1, 2], [2]);
      const results = [3, 4, 5].map((value) => {
        factor.value = value;
        return step(x);
      });
      expect(await Promise.all(results.map(values))).toEqual([
        [3, 6],
        [4, 8],
        [5, 10],
      ]);
    });
    step.dispose();
  });

  it('does host effects at each call', async () => {
    let count = 0;
    const step = compile(device, (x: Tensor) => {
      device.hostEffect(() => {
        count++;
      });
      return exp(x);
    });
    await scopeAsync(async () => {
      const x = normal(1, [4]);
      for (let i = 1; i <= 3; i++) {
        step(x);
        expect(count).toBe(i);
      }
    });
    step.dispose();
  });

  it('leaves out what nobody sees', async () => {
    const step = compile(device, (x: Tensor) => {
      matmul(x, x);
      return exp(x);
    });
    await scopeAsync(async () => {
      await read(step(normal(1, [4, 4])));
      expect(step.plans[0]!.launches).toHaveLength(1);
    });
    step.dispose();
  });

  it('leaves nothing behind when it is disposed', async () => {
    const before = device.memory.liveBytes;
    const step = compile(device, (x: Tensor) => exp(matmul(x, Tensor.from(device, new Float32Array(16), [4, 4]))));
    await scopeAsync(async () => {
      await read(step(normal(1, [4, 4])));
    });
    step.dispose();
    expect(device.memory.liveBytes).toBe(before);
  });
});

describe('a step is refused', () => {
  it('if it reads values back', async () => {
    const step = compile(device, (x: Tensor) => {
      read(x).catch(() => undefined);
      return exp(x);
    });
    const x = normal(1, [2]);
    expect(() => step(x)).toThrowError(/while a step is being compiled/);
    x.dispose();
  });

  it('if it is asynchronous', () => {
    const x = normal(1, [2]);
    expect(() => compile(device, async (y: Tensor) => exp(y))(x)).toThrowError(/asynchronous/);
    x.dispose();
  });

  it('if it is called under a tape', () => {
    const x = normal(1, [2]);
    const step = compile(device, (y: Tensor) => exp(y));
    expect(() => withObserver({ onApply: () => undefined }, () => step(x))).toThrowError(/under a tape/);
    x.dispose();
  });

  it('if a tensor outlives it that it does not return', () => {
    const kept: Tensor[] = [];
    const step = compile(device, (x: Tensor) => {
      const y = exp(x);
      kept.push(y.view(y.shape, y.strides, 0));
      device.pool.retain(y.storage);
      return multiply(y, y);
    });
    const x = normal(1, [2]);
    expect(() => step(x)).toThrowError(/outlive|kept elsewhere/);
    x.dispose();
  });
});
