import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../src/gpu/device.ts';
import type { Kernel } from '../src/gpu/kernel.ts';
import { PHILOX_WGSL } from '../src/kernels/lib/philox.wgsl.ts';
import { openDevice } from '../src/node.ts';
import { read } from '../src/ops/read.ts';
import { philox4x32, Rng, uniformFromWord } from '../src/rng.ts';
import { Tensor } from '../src/tensor.ts';

type Words = readonly [number, number, number, number];

/** Known answers of philox4x32-10 from Random123's kat_vectors: counter, key, result. */
const KNOWN: readonly [Words, readonly [number, number], Words][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

describe('philox4x32', () => {
  it.each(KNOWN)('of counter %j under key %j is the known answer of Random123', (counter, key, words) => {
    expect(philox4x32(counter, key)).toEqual(words);
  });

  it('takes words as unsigned 32-bit numbers, whatever their sign', () => {
    expect(philox4x32([-1, -1, -1, -1], [-1, -1])).toEqual(KNOWN[1]![2]);
  });
});

describe('Rng', () => {
  it('gives numbers in [0, 1) with the moments of the uniform distribution', () => {
    const rng = new Rng(1, 2);
    const values = Array.from({ length: 20_000 }, (_, i) => rng.uniform(3, i));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    expect(moment(values, 1)).toBeCloseTo(1 / 2, 2);
    expect(moment(values, 2)).toBeCloseTo(1 / 3, 2);
    expect(uniformFromWord(0xffffffff)).toBe(1 - 2 ** -24);
  });

  it('gives normal numbers with the moments 0, 1, 0 and 3', () => {
    const rng = new Rng(5, 2);
    const values = Array.from({ length: 40_000 }, (_, i) => rng.normal(0, i));
    [0, 1, 0, 3].forEach((expected, i) => {
      expect(Math.abs(moment(values, i + 1) - expected)).toBeLessThan(0.1);
    });
  });

  it('gives Gumbel numbers with the mean and the variance of the distribution', () => {
    const rng = new Rng(6, 2);
    const values = Array.from({ length: 40_000 }, (_, i) => rng.gumbel(0, i));
    const mean = moment(values, 1);
    // Euler's constant and pi^2 / 6.
    expect(Math.abs(mean - 0.5772157)).toBeLessThan(0.03);
    expect(Math.abs(moment(values, 2) - mean * mean - Math.PI ** 2 / 6)).toBeLessThan(0.08);
  });

  it('gives every integer below a bound', () => {
    const rng = new Rng(7, 1);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 7000; i++) counts[rng.integer(0, i, 7)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('is a function of seed, stream, step and index', () => {
    const base = new Rng(1, 2).word(3, 4);
    expect(new Rng(1, 2).word(3, 4)).toBe(base);
    const others = [new Rng(9, 2).word(3, 4), new Rng(1, 9).word(3, 4), new Rng(1, 2).word(9, 4)];
    expect(new Set([base, ...others, new Rng(1, 2).word(3, 9)]).size).toBe(5);
  });
});

describe('philox in WGSL', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  it('gives the words and uniform numbers of the host', async () => {
    const rng = new Rng(42, 7);
    const random = Array.from({ length: 509 }, (_, i) => ({
      counter: [rng.word(0, i), rng.word(1, i), rng.word(2, i), rng.word(3, i)] as const,
      key: [rng.word(4, i), rng.word(5, i)] as const,
    }));
    const cases = [...KNOWN.map(([counter, key]) => ({ counter, key })), ...random];
    const kernel: Kernel = {
      key: 'test/philox',
      label: 'test/philox',
      bindings: [
        { name: 'counters', access: 'read', element: 'vec4u' },
        { name: 'keys', access: 'read', element: 'vec2u' },
        { name: 'words', access: 'read_write', element: 'vec4u' },
        { name: 'uniforms', access: 'read_write', element: 'f32' },
      ],
      params: [],
      body: () => `${PHILOX_WGSL}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ${cases.length}u) { return; }
  words[id.x] = philox(counters[id.x], keys[id.x]);
  uniforms[id.x] = uniform01(words[id.x].x);
}`,
    };
    const count = cases.length;
    const counters = Tensor.from(
      device,
      cases.flatMap((test) => test.counter),
      [count, 4],
      'u32',
    );
    const keys = Tensor.from(
      device,
      cases.flatMap((test) => test.key),
      [count, 2],
      'u32',
    );
    const words = Tensor.empty(device, [count, 4], 'u32', 'test/words');
    const uniforms = Tensor.empty(device, [count], 'f32', 'test/uniforms');
    const bindings = [counters, keys, words, uniforms].map((tensor) => tensor.binding());
    device.dispatch(kernel, bindings, [], [Math.ceil(count / 64), 1, 1]);
    const expected = cases.map(({ counter, key }) => philox4x32(counter, key));
    expect([...(await read(words))]).toEqual(expected.flat());
    expect([...(await read(uniforms))]).toEqual(expected.map((four) => uniformFromWord(four[0])));
    for (const tensor of [counters, keys, words, uniforms]) tensor.dispose();
  });
});

function moment(values: readonly number[], power: number): number {
  return values.reduce((total, value) => total + value ** power, 0) / values.length;
}
