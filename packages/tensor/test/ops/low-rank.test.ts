import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { planLowRankExpand, planLowRankProject } from '../../src/kernels/low-rank.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { affine } from '../../src/ops/affine.ts';
import { add } from '../../src/ops/binary.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { linear } from '../../src/ops/linear.ts';
import { addLowRank, type LowRankTerm } from '../../src/ops/low-rank.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Rank, width and first column of each term. */
type Sizes = readonly (readonly [rank: number, out: number, first: number])[];

const CASES: readonly (readonly [name: string, rows: number, inner: number, width: number, terms: Sizes])[] = [
  ['one adapter, one row', 1, 32, 24, [[8, 24, 0]]],
  [
    'three side by side',
    5,
    64,
    40,
    [
      [16, 24, 0],
      [4, 8, 24],
      [8, 8, 32],
    ],
  ],
  [
    'odd ranks and widths',
    9,
    21,
    30,
    [
      [3, 13, 1],
      [5, 11, 17],
    ],
  ],
  [
    'more than a launch takes, with a gap',
    4,
    16,
    48,
    [
      [4, 8, 0],
      [8, 8, 8],
      [4, 8, 24],
      [4, 16, 32],
    ],
  ],
];

function setUp(rows: number, inner: number, width: number, sizes: Sizes) {
  const random = (seed: number, shape: readonly number[]) => toTensor(device, normalArray(seed, shape));
  const terms = sizes.map(
    ([rank, out, first], j): LowRankTerm => ({
      down: random(10 + j, [rank, inner]),
      up: random(20 + j, [out, rank]),
      scale: 0.5 + j,
      first,
    }),
  );
  return { y: random(1, [rows, width]), x: random(2, [rows, inner]), terms };
}

/** The same in float64. */
async function expected({ y, x, terms }: ReturnType<typeof setUp>): Promise<Float64Array> {
  const [rows, width] = y.shape as [number, number];
  const inner = x.shape[1]!;
  const [sums, input] = (await readAll([y, x])).map((values) => Float64Array.from(values)) as [
    Float64Array,
    Float64Array,
  ];
  for (const { down, up, scale, first } of terms) {
    const [a, b] = await readAll([down, up]);
    const [out, rank] = up.shape as [number, number];
    for (let n = 0; n < rows; n++) {
      for (let r = 0; r < rank; r++) {
        let low = 0;
        for (let k = 0; k < inner; k++) low += input[n * inner + k]! * a![r * inner + k]!;
        for (let o = 0; o < out; o++) sums[n * width + first + o]! += scale * low * b![o * rank + r]!;
      }
    }
  }
  return sums;
}

describe('addLowRank', () => {
  it.each(CASES)('agrees with float64 in the columns of its terms: %s', async (_, rows, inner, width, sizes) => {
    await scopeAsync(async () => {
      const parts = setUp(rows, inner, width, sizes);
      const values = await expected(parts);
      const before = device.counters.dispatches;
      addLowRank(parts.y, parts.x, parts.terms);
      expect(device.counters.dispatches - before).toBe(2 * Math.ceil(sizes.length / 3));
      expect(worstError(await read(parts.y), values)).toBeLessThan(2e-6);
    });
  });

  it.each(CASES.slice(0, 3))(
    'agrees with float64 with the tiles of a GPU: %s',
    async (_, rows, inner, width, sizes) => {
      await scopeAsync(async () => {
        const parts = setUp(rows, inner, width, sizes);
        const values = await expected(parts);
        const terms = sizes.map(([rank, out, first], j) => ({ rank, out, first, scale: 0.5 + j }));
        const shape = { rows, inner, width, terms, adapterClass: 'gpu' } as const;
        const low = Tensor.empty(device, [rows, sizes.reduce((sum, [rank]) => sum + rank, 0)], 'f32', 'test/low');
        launchPlan(planLowRankProject(shape), [parts.x, ...parts.terms.map(({ down }) => down)], [low]);
        launchPlan(planLowRankExpand(shape), [low, ...parts.terms.map(({ up }) => up)], [parts.y]);
        expect(worstError(await read(parts.y), values)).toBeLessThan(2e-6);
      });
    },
  );

  it('has the bits of the ops on a CPU adapter, whatever the batch', async ({ skip }) => {
    if (device.adapterClass !== 'cpu') skip('a GPU shares its sums between threads');
    await scopeAsync(async () => {
      const { y, x, terms } = setUp(6, 40, 16, [[8, 16, 0]]);
      const { down, up, scale } = terms[0]!;
      const [ops] = await readAll([add(y, linear(affine(linear(x, down), scale, 0), up))]);
      const row = Tensor.from(device, (await read(y)).slice(0, 16), [1, 16]);
      addLowRank(row, Tensor.from(device, (await read(x)).slice(0, 40), [1, 40]), terms);
      addLowRank(y, x, terms);
      expect(await read(y)).toEqual(ops);
      expect(await read(row)).toEqual(ops!.slice(0, 16));
    });
  });

  it('refuses terms that do not fit', async () => {
    await scopeAsync(async () => {
      const { y, x, terms } = setUp(2, 8, 12, [[4, 8, 0]]);
      const [term] = terms as [LowRankTerm];
      expect(() => addLowRank(y, x, [{ ...term, first: 5 }])).toThrow(/columns lie within y/);
      expect(() => addLowRank(y, x, [{ ...term, down: term.up }])).toThrow(/A \[R, in\]/);
      await device.finish();
    });
  });
});
