import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../../src/gpu/device.ts';
import { type MathFunctionName, mathFunctions } from '../../../src/kernels/lib/math.wgsl.ts';
import { openDevice } from '../../../src/node.ts';
import { erf64, erfc64 } from '../../../src/ops/error-function.ts';
import { launchElementwise } from '../../../src/ops/launch-elementwise.ts';
import { scopeAsync } from '../../../src/scope.ts';
import { Tensor } from '../../../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const INF = Number.POSITIVE_INFINITY;
const SMALLEST_NORMAL = 2 ** -126;

interface Row {
  readonly name: MathFunctionName;
  readonly exact: (x: number) => number;
  /** Ranges to sample evenly; each is sampled by the bits too, so that all magnitudes come. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly ulps?: number;
  /** Exact values: input and output. */
  readonly points: readonly (readonly [number, number])[];
}

const ROWS: readonly Row[] = [
  {
    name: 'exp_f32',
    exact: Math.exp,
    ranges: [
      [-87, 88],
      [-1, 1],
    ],
    points: [
      [0, 1],
      [89, INF],
      [INF, INF],
      [-INF, 0],
      [-1e30, 0],
    ],
  },
  {
    name: 'exp2_f32',
    exact: (x) => 2 ** x,
    ranges: [
      [-125, 127.9],
      [-1, 1],
    ],
    points: [
      [-126, SMALLEST_NORMAL],
      [127, 2 ** 127],
      [128, INF],
      [-INF, 0],
    ],
  },
  {
    name: 'expm1_f32',
    exact: Math.expm1,
    ranges: [
      [-1, 1],
      [-20, 88],
    ],
    points: [
      [0, 0],
      [-0, -0],
      [1e-30, Math.fround(1e-30)],
      [-200, -1],
      [-INF, -1],
      [INF, INF],
    ],
  },
  {
    name: 'log_f32',
    exact: Math.log,
    ranges: [
      [0.5, 2],
      [1e-37, 3e38],
      [0.99, 1.01],
    ],
    points: [
      [1, 0],
      [0, -INF],
      [-0, -INF],
      [-1, Number.NaN],
      [-INF, Number.NaN],
      [INF, INF],
    ],
  },
  {
    name: 'log2_f32',
    exact: Math.log2,
    ranges: [
      [0.5, 2],
      [1e-37, 3e38],
      [0.99, 1.01],
    ],
    points: [
      [1, 0],
      [1024, 10],
      [SMALLEST_NORMAL, -126],
      [0, -INF],
      [-1, Number.NaN],
      [INF, INF],
    ],
  },
  {
    name: 'log1p_f32',
    exact: Math.log1p,
    ranges: [
      [-0.99, 1],
      [1, 1e38],
    ],
    points: [
      [0, 0],
      [-0, -0],
      [1e-30, Math.fround(1e-30)],
      [-1, -INF],
      [-1.5, Number.NaN],
      [INF, INF],
    ],
  },
  {
    name: 'tanh_f32',
    exact: Math.tanh,
    ranges: [
      [-1, 1],
      [-12, 12],
    ],
    points: [
      [0, 0],
      [-0, -0],
      [1e30, 1],
      [-INF, -1],
      [INF, 1],
    ],
  },
  {
    name: 'sinh_f32',
    exact: Math.sinh,
    ranges: [
      [-1.5, 1.5],
      [-89, 89],
    ],
    points: [
      [0, 0],
      [-0, -0],
      [90, INF],
      [-INF, -INF],
    ],
  },
  {
    name: 'cosh_f32',
    exact: Math.cosh,
    ranges: [
      [-1.5, 1.5],
      [-89, 89],
    ],
    points: [
      [0, 1],
      [90, INF],
      [-INF, INF],
    ],
  },
  {
    name: 'sigmoid_f32',
    exact: (x) => 1 / (1 + Math.exp(-x)),
    ranges: [
      [-10, 10],
      [-86, 86],
    ],
    points: [
      [0, 0.5],
      [1000, 1],
      [-1000, 0],
      [INF, 1],
      [-INF, 0],
    ],
  },
  {
    name: 'softplus_f32',
    exact: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    ranges: [
      [-10, 10],
      [-86, 86],
    ],
    points: [
      [1e30, Math.fround(1e30)],
      [-1000, 0],
      [INF, INF],
      [-INF, 0],
    ],
  },
  {
    name: 'erf_f32',
    exact: erf64,
    ranges: [
      [-1.2, 1.2],
      [-5, 5],
    ],
    points: [
      [0, 0],
      [-0, -0],
      [INF, 1],
      [-INF, -1],
      [1e30, 1],
    ],
  },
  {
    name: 'erfc_f32',
    exact: erfc64,
    ranges: [
      [-3, 3],
      [0, 9],
    ],
    ulps: 6,
    points: [
      [0, 1],
      [INF, 0],
      [-INF, 2],
      [1e30, 0],
    ],
  },
  {
    name: 'sin_f32',
    exact: Math.sin,
    ranges: [
      [-4, 4],
      [-1e5, 1e5],
      [1e30, 3e38],
    ],
    points: [
      [0, 0],
      [-0, -0],
      [INF, Number.NaN],
      [-INF, Number.NaN],
    ],
  },
  {
    name: 'cos_f32',
    exact: Math.cos,
    ranges: [
      [-4, 4],
      [-1e5, 1e5],
      [1e30, 3e38],
    ],
    points: [
      [0, 1],
      [INF, Number.NaN],
    ],
  },
  {
    name: 'tan_f32',
    exact: Math.tan,
    ranges: [
      [-4, 4],
      [-1e5, 1e5],
      [1e30, 3e38],
    ],
    ulps: 6,
    points: [
      [0, 0],
      [-0, -0],
      [INF, Number.NaN],
    ],
  },
  {
    name: 'atan_f32',
    exact: Math.atan,
    ranges: [
      [-5, 5],
      [-1e5, 1e5],
    ],
    points: [
      [0, 0],
      [-0, -0],
      [INF, Math.fround(Math.PI / 2)],
      [-INF, -Math.fround(Math.PI / 2)],
    ],
  },
  {
    name: 'asin_f32',
    exact: Math.asin,
    ranges: [[-1, 1]],
    points: [
      [0, 0],
      [-0, -0],
      [1, Math.fround(Math.PI / 2)],
      [1.5, Number.NaN],
      [-INF, Number.NaN],
    ],
  },
  {
    name: 'acos_f32',
    exact: Math.acos,
    ranges: [[-1, 1]],
    points: [
      [1, 0],
      [-1, Math.fround(Math.PI)],
      [1.5, Number.NaN],
      [INF, Number.NaN],
    ],
  },
];

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The distance of neighbours at a number, that of the smallest normal number below it: denormals may be 0. */
function unitAt(value: number): number {
  const size = Math.max(Math.fround(Math.abs(value)), SMALLEST_NORMAL);
  float[0] = size;
  word[0]! += 1;
  return float[0]! === INF ? 2 ** 104 : float[0]! - size;
}

const COUNT = 20_000;

/** Even steps over a range, then even steps over the bits of its positive and its negative part. */
function inputsOf(ranges: Row['ranges']): Float32Array {
  const values: number[] = [];
  for (const [low, high] of ranges) {
    for (let i = 0; i < COUNT; i++) values.push(low + ((high - low) * (i + 0.37)) / COUNT);
    for (const end of [low, high]) {
      float[0] = Math.abs(end);
      const top = word[0]!;
      float[0] = low > 0 ? low : SMALLEST_NORMAL;
      const bottom = word[0]!;
      for (let i = 0; i < COUNT; i++) {
        word[0] = bottom + Math.floor(((top - bottom) * (i + 0.37)) / COUNT);
        const value = Math.sign(end) * float[0]!;
        if (value >= low && value <= high) values.push(value);
      }
    }
  }
  return Float32Array.from(values);
}

async function apply(name: MathFunctionName, inputs: Float32Array): Promise<Float32Array> {
  return scopeAsync(async () => {
    const x = Tensor.from(device, inputs, [inputs.length]);
    const y = launchElementwise(
      { name: `test-${name}`, expr: `EACH(${name}, x0)`, functions: mathFunctions(name) },
      [x],
      x,
    );
    return (await device.readElements(y.binding(), 'f32')).slice(0, inputs.length) as Float32Array;
  });
}

describe.each(ROWS.map((row) => [row.name, row] as const))('%s', (name, row) => {
  it('is within its units of the last place everywhere', async () => {
    const inputs = inputsOf(row.ranges);
    const found = await apply(name, inputs);
    let worst = 0;
    let at = 0;
    inputs.forEach((x, i) => {
      const exact = row.exact(x);
      if (Math.abs(exact) > 3.4e38) return;
      const units = Math.abs(found[i]! - exact) / unitAt(exact);
      if (!(units <= worst)) [worst, at] = [units, x];
    });
    expect(worst, `units in the last place, at ${at}`).toBeLessThanOrEqual(row.ulps ?? 4);
  });

  it('is right at the edges of its domain, and NaN of NaN', async () => {
    const nan = new Uint32Array([0x7fc00000, 0xffc00001, 0x7f800001]);
    const edges = Float32Array.from(row.points, ([x]) => x);
    const inputs = new Float32Array(edges.length + nan.length);
    inputs.set(edges);
    new Uint32Array(inputs.buffer).set(nan, edges.length);
    const found = await apply(name, inputs);
    const words = new Uint32Array(found.buffer);
    row.points.forEach(([x, y], i) => {
      if (Number.isNaN(y)) expect(words[i]! & 0x7fffffff, `${x}`).toBeGreaterThan(0x7f800000);
      else expect(found[i], `${x}`).toBe(y);
    });
    for (let i = edges.length; i < inputs.length; i++) expect(words[i]! & 0x7fffffff).toBeGreaterThan(0x7f800000);
  });
});
