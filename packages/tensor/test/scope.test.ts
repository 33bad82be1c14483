import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../src/gpu/device.ts';
import { openDevice } from '../src/node.ts';
import { add } from '../src/ops/binary.ts';
import { zeros } from '../src/ops/in-place.ts';
import { read } from '../src/ops/read.ts';
import { reshape } from '../src/ops/view.ts';
import { keep, scope, scopeAsync, tensorsIn } from '../src/scope.ts';
import type { Tensor } from '../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const make = (): Tensor => zeros(device, [3]);
const live = (): number => device.memory.liveBuffers;

describe('a scope', () => {
  it('frees what was made in it, and nothing that was made before', () => {
    const before = live();
    const outside = make();
    let inside: Tensor | undefined;
    scope(() => {
      inside = add(outside, make());
    });
    expect(inside!.isDisposed).toBe(true);
    expect(outside.isDisposed).toBe(false);
    expect(live()).toBe(before + 1);
    outside.dispose();
  });

  it('spares its result: a tensor, or tensors in nested arrays and objects', () => {
    const before = live();
    const one = scope(() => {
      make();
      return make();
    });
    const many = scope(() => ({
      a: make(),
      rest: [make(), { b: make() }],
      other: make().size,
      nothing: undefined,
      no: null,
    }));
    expect(tensorsIn(many)).toHaveLength(3);
    expect(live()).toBe(before + 4);
    for (const tensor of [one, ...tensorsIn(many)]) {
      expect(tensor.isDisposed).toBe(false);
      tensor.dispose();
    }
    expect(live()).toBe(before);
  });

  it('hands its result to the scope around it', () => {
    const before = live();
    let escaped: Tensor | undefined;
    const outer = scope(() => {
      escaped = scope(() => make());
      expect(escaped.isDisposed).toBe(false);
      return scope(() => [make()]);
    });
    expect(escaped!.isDisposed).toBe(true);
    expect(outer[0]!.isDisposed).toBe(false);
    expect(live()).toBe(before + 1);
    outer[0]!.dispose();
  });

  it('frees everything when its body throws, and leaves the scopes around it usable', () => {
    const before = live();
    scope(() => {
      expect(() =>
        scope(() => {
          make();
          throw new Error('body');
        }),
      ).toThrowError('body');
      make();
    });
    expect(live()).toBe(before);
  });

  it('leaves a kept tensor alone, however deep it was made', () => {
    const before = live();
    const kept = scope(() => scope(() => ({ tensor: keep(make()), name: 'kept' }))).tensor;
    scope(() => {
      scope(() => {
        keep(kept);
      });
    });
    expect(kept.isDisposed).toBe(false);
    expect(live()).toBe(before + 1);
    kept.dispose();
  });

  it('frees a buffer only with the last view of it', async () => {
    const before = live();
    const view = scope(() => reshape(make(), [3, 1]));
    expect(live()).toBe(before + 1);
    expect(Array.from(await read(view))).toEqual([0, 0, 0]);
    view.dispose();
    view.dispose();
    expect(live()).toBe(before);
  });

  it('lives as long as an asynchronous body', async () => {
    const before = live();
    const result = await scopeAsync(async () => {
      const x = make();
      await read(x);
      expect(x.isDisposed).toBe(false);
      const inner = await scopeAsync(async () => {
        const y = add(x, make());
        await device.flush();
        return y;
      });
      return { y: add(inner, x) };
    });
    expect(live()).toBe(before + 1);
    expect(Array.from(await read(result.y))).toEqual([0, 0, 0]);
    result.y.dispose();
    await expect(
      scopeAsync(async () => {
        make();
        await device.flush();
        throw new Error('late');
      }),
    ).rejects.toThrowError('late');
    expect(live()).toBe(before);
  });

  it('lets a readback that it returns finish', async () => {
    const before = live();
    const values = await scope(() => read(zeros(device, [5])));
    expect(Array.from(values)).toEqual([0, 0, 0, 0, 0]);
    expect(live()).toBe(before);
  });
});
