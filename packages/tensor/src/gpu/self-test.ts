import type { HostArray } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { Storage } from './buffer-pool.ts';
import type { BufferBinding } from './command-list.ts';
import type { Device } from './device.ts';
import type { Kernel } from './kernel.ts';

declare const performance: { now(): number };

/** The outcome of one check of `selfTest`. */
export interface SelfTestResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was computed and what came out. */
  readonly detail: string;
  readonly milliseconds: number;
}

/** A check returns what it found; it throws `Mismatch` where a value is wrong and `Skip` where it cannot run. */
type Check = (device: Device) => Promise<string>;

class Mismatch extends Error {}
class Skip extends Error {}

/**
 * Runs kernels with known answers on a device: an adapter that exists may still compute nothing (Dawn's
 * null backend) or compute wrongly. Takes about a tenth of a second. A failure of the device itself ends
 * the test with that check failed.
 */
export async function selfTest(device: Device): Promise<readonly SelfTestResult[]> {
  const results: SelfTestResult[] = [];
  for (const [name, check] of Object.entries(CHECKS)) {
    const start = performance.now();
    const result = await outcomeOf(check, device);
    results.push({ name, ...result, milliseconds: performance.now() - start });
    if (device.state !== 'ready') break;
  }
  return results;
}

async function outcomeOf(check: Check, device: Device): Promise<Pick<SelfTestResult, 'outcome' | 'detail'>> {
  try {
    return { outcome: 'passed', detail: await check(device) };
  } catch (error) {
    if (error instanceof Skip) return { outcome: 'skipped', detail: error.message };
    if (error instanceof Mismatch || error instanceof ToolError) return { outcome: 'failed', detail: error.message };
    throw error;
  }
}

const WORKGROUP = 256;
const INDEX_COUNT = 1 << 16;
const ONES = 1_000_000;

const indexKernel: Kernel = {
  key: 'self-test/index',
  label: 'tensor/self-test/index',
  bindings: [{ name: 'result', access: 'read_write', element: 'u32' }],
  params: [{ name: 'factor', type: 'u32' }],
  body: () => `@compute @workgroup_size(${WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3u) {
  result[id.x] = params.factor * id.x;
}`,
};

/** One workgroup adds up any number of values: a strided walk, then a tree. */
const sumKernel: Kernel = {
  key: 'self-test/sum',
  label: 'tensor/self-test/sum',
  bindings: [
    { name: 'values', access: 'read', element: 'f32' },
    { name: 'result', access: 'read_write', element: 'f32' },
  ],
  params: [{ name: 'count', type: 'u32' }],
  body: () => `var<workgroup> partial: array<f32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP}) fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.count; i += ${WORKGROUP}u) { sum += values[i]; }
  partial[lane] = sum;
  for (var half = ${WORKGROUP / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  if (lane == 0u) { result[0] = partial[0]; }
}`,
};

/** Rounds to half precision; reading back is a launch of its own, as compilers skip the rounding of a value at hand. */
const narrowKernel: Kernel = {
  key: 'self-test/narrow',
  label: 'tensor/self-test/narrow',
  bindings: [
    { name: 'values', access: 'read', element: 'f32' },
    { name: 'result', access: 'read_write', element: 'f16' },
  ],
  params: [],
  enables: ['f16'],
  body: () => `@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  result[id.x] = f16(values[id.x]);
}`,
};

const widenKernel: Kernel = {
  key: 'self-test/widen',
  label: 'tensor/self-test/widen',
  bindings: [
    { name: 'values', access: 'read', element: 'f16' },
    { name: 'result', access: 'read_write', element: 'f32' },
  ],
  params: [],
  enables: ['f16'],
  body: () => `@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  result[id.x] = f32(values[id.x]);
}`,
};

/** Carries values through an f32 multiplication, as a gradient is. */
const scaleKernel: Kernel = {
  key: 'self-test/scale',
  label: 'tensor/self-test/scale',
  bindings: [
    { name: 'values', access: 'read', element: 'f32' },
    { name: 'result', access: 'read_write', element: 'f32' },
  ],
  params: [{ name: 'factor', type: 'f32' }],
  body: () => `@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  result[id.x] = values[id.x] * params.factor;
}`,
};

/** A comparison such as x != x is folded away by compilers, so bits are the only way to see NaN. */
const nonfiniteKernel: Kernel = {
  key: 'self-test/nonfinite',
  label: 'tensor/self-test/nonfinite',
  bindings: [
    { name: 'bits', access: 'read', element: 'u32' },
    { name: 'result', access: 'read_write', element: 'u32' },
  ],
  params: [],
  body: () => `@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  result[id.x] = select(0u, 1u, (bits[id.x] & 0x7f800000u) == 0x7f800000u);
}`,
};

async function knownAnswer(device: Device): Promise<string> {
  using buffers = new Buffers(device);
  const result = buffers.empty(INDEX_COUNT * 4);
  device.dispatch(indexKernel, [result], [42], [INDEX_COUNT / WORKGROUP, 1, 1]);
  const values = await device.readElements(result, 'u32');
  const wrong = values.findIndex((value, i) => value !== 42 * i);
  if (wrong >= 0) throw new Mismatch(`element ${wrong} of 42*i is ${values[wrong]}`);
  return `42*i for ${INDEX_COUNT} elements`;
}

async function longSum(device: Device): Promise<string> {
  using buffers = new Buffers(device);
  const values = buffers.filled(new Float32Array(ONES).fill(1));
  const result = buffers.empty(4);
  device.dispatch(sumKernel, [values, result], [ONES], [1, 1, 1]);
  const [sum] = await device.readElements(result, 'f32');
  // Every partial sum is a whole number below 2^24, hence exact.
  if (sum !== ONES) throw new Mismatch(`${ONES} ones add up to ${sum}`);
  return `${ONES} ones add up exactly`;
}

/** Values and what is left of them in half precision (1/3 and 0.1 are rounded to 11 bits). */
const HALVES: readonly (readonly [number, number])[] = [
  [1, 1],
  [-2.5, -2.5],
  [0.1, 0.0999755859375],
  [1 / 3, 0.333251953125],
  [65504, 65504],
  [6.103515625e-5, 6.103515625e-5],
];

async function halfRoundTrip(device: Device): Promise<string> {
  if (!device.features.has('shader-f16')) throw new Skip('the adapter has no shader-f16');
  using buffers = new Buffers(device);
  const values = buffers.filled(Float32Array.from(HALVES, ([value]) => value));
  const halves = buffers.empty(Math.ceil(HALVES.length / 2) * 4);
  const result = buffers.empty(HALVES.length * 4);
  device.dispatch(narrowKernel, [values, halves], [], [HALVES.length, 1, 1]);
  device.dispatch(widenKernel, [halves, result], [], [HALVES.length, 1, 1]);
  const found = await device.readElements(result, 'f32');
  HALVES.forEach(([value, half], i) => {
    if (found[i] !== half) throw new Mismatch(`${value} comes back as ${found[i]}, expected ${half}`);
  });
  return `${HALVES.length} values rounded to half precision`;
}

async function nonfiniteBits(device: Device): Promise<string> {
  using buffers = new Buffers(device);
  const input = new Float32Array([1, Number.NaN, -1, Infinity, 3.4e38, -Infinity, 0, 1e-30]);
  const values = buffers.filled(input);
  const scaled = buffers.empty(input.byteLength);
  const result = buffers.empty(input.byteLength);
  device.dispatch(scaleKernel, [values, scaled], [1], [input.length, 1, 1]);
  device.dispatch(nonfiniteKernel, [scaled, result], [], [input.length, 1, 1]);
  const flags = await device.readElements(result, 'u32');
  input.forEach((value, i) => {
    if ((flags[i] === 1) === Number.isFinite(value)) {
      throw new Mismatch(`${value} counts as ${flags[i] === 1 ? 'not finite' : 'finite'}`);
    }
  });
  return 'NaN, Inf and -Inf found, finite values passed';
}

async function timestamps(device: Device): Promise<string> {
  if (!device.features.has('timestamp-query')) throw new Skip('the adapter has no timestamp-query');
  using buffers = new Buffers(device);
  const values = buffers.filled(new Float32Array(ONES).fill(1));
  const result = buffers.empty(4);
  const start = performance.now();
  const [timing] = await device.profile(() => device.dispatch(sumKernel, [values, result], [ONES], [1, 1, 1]));
  const wallMicroseconds = (performance.now() - start) * 1000;
  const { microseconds } = timing!;
  if (!(microseconds > 0) || microseconds > wallMicroseconds) {
    throw new Mismatch(`a sum took ${microseconds} µs by the device and ${wallMicroseconds.toFixed(0)} µs by the host`);
  }
  return `a sum took ${microseconds.toFixed(0)} µs by the device`;
}

const CHECKS = {
  'known answer': knownAnswer,
  'long sum': longSum,
  'f16 round trip': halfRoundTrip,
  'NaN and Inf by bits': nonfiniteBits,
  timestamps,
} as const satisfies Record<string, Check>;

/** The buffers of one check, given back at its end. */
class Buffers {
  readonly #device: Device;
  readonly #storages: Storage[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  empty(bytes: number): BufferBinding {
    return this.#adopt(this.#device.pool.allocate(bytes, 'self-test'), bytes);
  }

  filled(data: HostArray): BufferBinding {
    return this.#adopt(this.#device.upload(data, 'self-test'), data.byteLength);
  }

  #adopt(storage: Storage, size: number): BufferBinding {
    this.#storages.push(storage);
    return { storage, offset: 0, size };
  }

  [Symbol.dispose](): void {
    for (const storage of this.#storages) this.#device.pool.release(storage);
  }
}
