import { describe, expect, it } from 'vitest';
import { narrowBf16, narrowF16, widenBf16, widenF16 } from '../../src/io/float-formats.ts';

function f16(...bits: number[]): number[] {
  const out = new Float32Array(bits.length);
  widenF16(Uint16Array.from(bits), out);
  return [...out];
}

describe('widenF16', () => {
  it('gives the values of IEEE 754 for normal, subnormal and special numbers', () => {
    expect(f16(0x3c00, 0xc000, 0x3555, 0x7bff, 0x0400)).toEqual([1, -2, 0.333251953125, 65504, 2 ** -14]);
    expect(f16(0x0001, 0x03ff, 0x8001)).toEqual([2 ** -24, 1023 * 2 ** -24, -(2 ** -24)]);
    expect(f16(0x7c00, 0xfc00, 0x0000)).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]);
    expect(Object.is(f16(0x8000)[0], -0)).toBe(true);
    expect(f16(0x7e00, 0xfc01).every(Number.isNaN)).toBe(true);
  });

  it('is monotonic over all finite halves', () => {
    const values = f16(...Array.from({ length: 0x7c00 }, (_, bits) => bits));
    expect(values.every((value, i) => i === 0 || value > values[i - 1]!)).toBe(true);
  });
});

describe('widenBf16', () => {
  it('is the upper half of the f32 word, also into the middle of a buffer', () => {
    const source = Float32Array.from([1, -2.5, 3.140625, 2 ** -130, Number.POSITIVE_INFINITY]);
    const words = Uint16Array.from(new Uint32Array(source.buffer), (word) => word >>> 16);
    const out = new Float32Array(7);
    widenBf16(words, out.subarray(1, 6));
    expect([...out.subarray(1, 6)]).toEqual([...source]);
    expect([out[0], out[6]]).toEqual([0, 0]);
  });
});

describe('narrowing', () => {
  const halves = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const formats = [
    { name: 'f16', widen: widenF16, narrow: narrowF16, infinity: 0x7c00 },
    { name: 'bf16', widen: widenBf16, narrow: narrowBf16, infinity: 0x7f80 },
  ] as const;

  it.each(formats)('to $name gives back every value that it holds', ({ widen, narrow, infinity }) => {
    const [wide, back] = [new Float32Array(0x10000), new Uint16Array(0x10000)];
    widen(halves, wide);
    narrow(wide, back);
    const wrong = [...halves].filter((bits) => back[bits] !== bits && (bits & 0x7fff) <= infinity);
    expect(wrong).toEqual([]);
    expect([...halves].every((bits) => (bits & 0x7fff) <= infinity || Number.isNaN(wide[bits]))).toBe(true);
    expect([...halves].every((bits) => (bits & 0x7fff) <= infinity || (back[bits]! & 0x7fff) > infinity)).toBe(true);
  });

  it.each(formats)('to $name takes the nearest, ties to even', ({ widen, narrow, infinity }) => {
    const wide = new Float32Array(infinity);
    widen(halves.slice(0, infinity), wide);
    const above = (value: number): number => value * (1 + 2 ** -20) + 2 ** -140;
    for (let bits = 0; bits + 1 < infinity; bits += 13) {
      const middle = Math.fround((wide[bits]! + wide[bits + 1]!) / 2);
      if (middle === 0) continue;
      const out = new Uint16Array(4);
      narrow(Float32Array.from([middle, -middle, above(middle), -above(middle)]), out);
      const even = bits % 2 === 0 ? bits : bits + 1;
      expect([...out]).toEqual([even, even | 0x8000, bits + 1, (bits + 1) | 0x8000]);
    }
    const out = new Uint16Array(2);
    narrow(Float32Array.from([3.4e38, -3.4e38]), out);
    if (infinity === 0x7c00) expect([...out]).toEqual([0x7c00, 0xfc00]);
  });
});

describe.each([
  ['narrowF16', narrowF16, widenF16, 0x7c00],
  ['narrowBf16', narrowBf16, widenBf16, 0x7f80],
] as const)('%s', (_, narrow, widen, infinity) => {
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const values = new Float32Array(all.length);
  widen(all, values);
  const narrowed = (source: readonly number[]): number[] => {
    const out = new Uint16Array(source.length);
    narrow(Float32Array.from(source), out);
    return [...out];
  };

  it('gives back the bits of every value, and of NaN a NaN', () => {
    const out = new Uint16Array(all.length);
    narrow(values, out);
    out.forEach((bits, i) => {
      if (Number.isNaN(values[i])) expect(bits & 0x7fff).toBeGreaterThan(infinity);
      else if (bits !== i) expect.unreachable(`${i} became ${bits}`);
    });
  });

  it('rounds between two neighbours to the nearer, and in the middle to the even one', () => {
    const [middles, above, below] = [[], [], []] as [number[], number[], number[]];
    const last = infinity - 1;
    for (let bits = 0; bits < last; bits++) {
      const middle = (values[bits]! + values[bits + 1]!) / 2;
      const step = values[bits + 1]! - values[bits]!;
      middles.push(middle);
      above.push(middle + step / 64);
      below.push(-(middle - step / 64));
    }
    narrowed(middles).forEach((bits, i) => {
      if (bits !== i + (i & 1)) expect.unreachable(`the middle over ${i} became ${bits}`);
    });
    narrowed(above).forEach((bits, i) => {
      if (bits !== i + 1) expect.unreachable(`over the middle over ${i} became ${bits}`);
    });
    narrowed(below).forEach((bits, i) => {
      if (bits !== (i | 0x8000)) expect.unreachable(`under the middle over ${i} became ${bits}`);
    });
    expect(narrowed([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0])).toEqual([
      infinity,
      infinity | 0x8000,
      0x8000,
    ]);
  });
});
