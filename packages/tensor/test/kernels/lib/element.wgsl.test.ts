import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from '../../../src/dtype.ts';
import type { Device } from '../../../src/gpu/device.ts';
import { type Kernel, linearWorkgroups } from '../../../src/gpu/kernel.ts';
import {
  isPacked,
  loadElement,
  loadPair,
  packFunctions,
  packPair,
  storageType,
  storedValue,
  valueType,
} from '../../../src/kernels/lib/element.wgsl.ts';
import { openDevice } from '../../../src/node.ts';
import { scopeAsync } from '../../../src/scope.ts';
import { Tensor } from '../../../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

type Packed = 'f16' | 'bf16';

/** Where the fields of each format are, by its definition and not by the code under test. */
const FORMATS = {
  f16: { fractionBits: 10, bias: 15, infinity: 0x7c00, encode: encodeF16, decode: decodeF16 },
  bf16: { fractionBits: 7, bias: 127, infinity: 0x7f80, encode: encodeBf16, decode: decodeBf16 },
} as const;

/** The number that the 15 low bits of a pattern stand for; that of `infinity` continues the finite ones. */
function sizeOfPattern(type: Packed, pattern: number): number {
  const { fractionBits, bias } = FORMATS[type];
  const exponent = pattern >> fractionBits;
  const fraction = pattern & ((1 << fractionBits) - 1);
  return exponent === 0
    ? fraction * 2 ** (1 - bias - fractionBits)
    : (2 ** fractionBits + fraction) * 2 ** (exponent - bias - fractionBits);
}

const isNanPattern = (type: Packed, pattern: number): boolean => (pattern & 0x7fff) > FORMATS[type].infinity;

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);
function floatOf(bits: number): number {
  word[0] = bits;
  return float[0]!;
}
function bitsOf(value: number): number {
  float[0] = value;
  return word[0]!;
}

/**
 * f32 bits with the pattern that they must round to: every pattern itself, every tie between neighbours
 * and the f32 on each side of the tie, the last tie (to infinity) included; all that is larger, in steps
 * of less than an f16's; in both signs.
 */
function roundingCases(type: Packed): { bits: Uint32Array; expected: Uint32Array } {
  const bits: number[] = [];
  const expected: number[] = [];
  const put = (from: number, to: number): void => {
    bits.push(from, (from | 0x80000000) >>> 0);
    expected.push(to, to | 0x8000);
  };
  const { infinity } = FORMATS[type];
  for (let pattern = 0; pattern < infinity; pattern++) {
    put(bitsOf(sizeOfPattern(type, pattern)), pattern);
    // Half a step above, in f32's bits: exact, since both formats have at least 13 bits less.
    const tie =
      type === 'bf16'
        ? (pattern << 16) + 0x8000
        : bitsOf((sizeOfPattern(type, pattern) + sizeOfPattern(type, pattern + 1)) / 2);
    put(tie - 1, pattern);
    put(tie, pattern + (pattern & 1));
    put(tie + 1, pattern + 1);
  }
  // All the way up from the last tie: 65,600 would be a NaN if its exponent were taken for one of f16.
  for (let huge = bits.at(-2)!; huge < 0x7f800000; huge += 0x1fff) put(huge, infinity);
  for (const huge of [0x7f7fffff, 0x7f800000]) put(huge, infinity);
  return { bits: Uint32Array.from(bits), expected: Uint32Array.from(expected) };
}

/** NaNs with the highest and the lowest payload bits, quiet and signalling. */
const NANS = [0x7fc00000, 0x7f800001, 0x7fffffff, 0x7fc01234, 0x7f8fffff, 0x7f801000];

const HEAD = `@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.count) { return; }`;

function kernel(name: string, inType: string, outType: string, functions: string, line: string): Kernel {
  return {
    key: `test/element/${name}`,
    label: `test/element/${name}`,
    bindings: [
      { name: 'source', access: 'read', element: inType },
      { name: 'out', access: 'read_write', element: outType },
    ],
    params: [{ name: 'count', type: 'u32' }],
    body: () => `${functions}${HEAD}\n  ${line}\n}\n`,
  };
}

/** Runs `kernel` over `count` threads and reads `words` words. */
async function launch(source: Kernel, data: Uint32Array, count: number, words: number): Promise<Uint32Array> {
  return scopeAsync(async () => {
    const input = Tensor.from(device, data, [data.length], 'u32');
    const out = Tensor.empty(device, [words], 'u32', 'test/out');
    device.dispatch(source, [input.binding(), out.binding()], [count], linearWorkgroups(Math.ceil(count / 64)));
    return (await device.readElements(out.binding(), 'u32')).slice(0, words) as Uint32Array;
  });
}

/** All 65,536 patterns, two to a word. */
const ALL_PATTERNS = new Uint32Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);

describe.each(['f16', 'bf16'] as const)('%s on the device', (type) => {
  const functions = packFunctions(type);

  /** A denormal f32 may be read as 0; f16's own denormals are normal in f32. */
  const expectReads = (found: Uint32Array): void => {
    const wrong: string[] = [];
    for (let pattern = 0; pattern < 65536; pattern++) {
      const bits = found[pattern]!;
      if (isNanPattern(type, pattern)) {
        if ((bits & 0x7fffffff) > 0x7f800000) continue;
      } else {
        const low = pattern & 0x7fff;
        const size = low === FORMATS[type].infinity ? 0x7f800000 : bitsOf(sizeOfPattern(type, low));
        const sign = pattern & 0x8000 ? 0x80000000 : 0;
        if (bits === (sign | size) >>> 0) continue;
        if (size < 0x00800000 && (bits & 0x7fffffff) === 0) continue;
      }
      wrong.push(`${pattern.toString(16)} -> ${bits.toString(16)}`);
    }
    expect(wrong.slice(0, 8), `${wrong.length} patterns`).toEqual([]);
  };

  it('reads every pattern, one element at a time', async () => {
    const line = `out[i] = bitcast<u32>(${loadElement('source', type, 'i')});`;
    expectReads(await launch(kernel(`load/${type}`, 'u32', 'u32', '', line), ALL_PATTERNS, 65536, 65536));
  });

  it('reads every pattern, a word at a time', async () => {
    const line = `let pair = bitcast<vec2u>(${loadPair('source', type, 'i')}); out[2u * i] = pair.x; out[2u * i + 1u] = pair.y;`;
    expectReads(await launch(kernel(`pair/${type}`, 'u32', 'u32', '', line), ALL_PATTERNS, 32768, 65536));
  });

  /** The function applied to f32 values given by their bits, one a word. */
  const encodeOnDevice = (bits: Uint32Array): Promise<Uint32Array> =>
    launch(
      kernel(`encode/${type}`, 'f32', 'u32', functions, `out[i] = bits_of_${type}(source[i]);`),
      bits,
      bits.length,
      bits.length,
    );

  it('rounds every value, every tie and its neighbours to the nearest even', async () => {
    const { bits, expected } = roundingCases(type);
    const found = await encodeOnDevice(bits);
    const wrong: string[] = [];
    bits.forEach((from, i) => {
      if (found[i] === expected[i]) return;
      // WGSL may take a denormal f32 for 0.
      if ((from & 0x7fffffff) < 0x00800000 && (found[i]! & 0x7fff) === 0) return;
      wrong.push(`${from.toString(16)} -> ${found[i]!.toString(16)}, not ${expected[i]!.toString(16)}`);
    });
    expect(wrong.slice(0, 8), `${wrong.length} of ${bits.length}`).toEqual([]);
  });

  it('keeps NaN as NaN', async () => {
    const bits = Uint32Array.from(NANS.flatMap((nan) => [nan, nan + 0x80000000]));
    for (const pattern of await encodeOnDevice(bits)) expect(isNanPattern(type, pattern)).toBe(true);
  });

  it('keeps every pattern through a read and a write of pairs', async () => {
    const line = `let pair = ${loadPair('source', type, 'i')}; out[i] = ${packPair(type, 'pair.x', 'pair.y')};`;
    const found = new Uint16Array(
      (await launch(kernel(`round-trip/${type}`, 'u32', 'u32', functions, line), ALL_PATTERNS, 32768, 32768)).buffer,
    );
    const wrong: string[] = [];
    for (let pattern = 0; pattern < 65536; pattern++) {
      if (found[pattern] === pattern) continue;
      if (isNanPattern(type, pattern) && isNanPattern(type, found[pattern]!)) continue;
      // bf16 has f32's denormals.
      if (type === 'bf16' && (pattern & 0x7fff) < 0x80 && (found[pattern]! & 0x7fff) === 0) continue;
      wrong.push(`${pattern.toString(16)} -> ${found[pattern]!.toString(16)}`);
    }
    expect(wrong.slice(0, 8), `${wrong.length} patterns`).toEqual([]);
  });
});

describe.each(['f16', 'bf16'] as const)('%s on the host', (type) => {
  const { encode, decode } = FORMATS[type];

  it('decodes every pattern to its number and back', () => {
    for (let pattern = 0; pattern < 65536; pattern++) {
      const value = decode(pattern);
      if (isNanPattern(type, pattern)) {
        expect(value).toBeNaN();
        expect(isNanPattern(type, encode(value))).toBe(true);
        continue;
      }
      const low = pattern & 0x7fff;
      const size = low === FORMATS[type].infinity ? Number.POSITIVE_INFINITY : sizeOfPattern(type, low);
      if (!Object.is(value, pattern & 0x8000 ? -size : size)) expect.fail(`${pattern.toString(16)} gives ${value}`);
      if (encode(value) !== pattern) expect.fail(`${value} gives ${encode(value).toString(16)}`);
    }
  });

  it('encodes as the device does, ties and their neighbours included', () => {
    const { bits, expected } = roundingCases(type);
    bits.forEach((from, i) => {
      const found = encode(floatOf(from));
      if (found !== expected[i]) expect.fail(`${from.toString(16)} gives ${found.toString(16)}`);
    });
  });
});

describe('unpacked types', () => {
  it.each(['f32', 'i32', 'u32'] as const)('%s is stored as it is computed in', (type) => {
    expect([isPacked(type), valueType(type), storageType(type), storedValue(type, 'v')]).toEqual([
      false,
      type,
      type,
      'v',
    ]);
  });

  it('bool is a word of 0 or 1, whatever it was written as', async () => {
    const line = `out[i] = ${storedValue('bool', loadElement('source', 'bool', 'i'))};`;
    const words = Uint32Array.from([0, 1, 2, 0x80000000, 0xffffffff, 0]);
    const found = await launch(kernel('bool', storageType('bool'), 'u32', '', line), words, 6, 6);
    expect(Array.from(found)).toEqual([0, 1, 1, 1, 1, 0]);
  });
});
