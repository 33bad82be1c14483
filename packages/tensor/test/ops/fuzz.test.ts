import { type AnyOpDef, applyOp, type Device, expand, readAll, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import {
  describeCase,
  disagreement,
  fuzzCase,
  normalArray,
  opTable,
  plainLayout,
  refArray,
  runSamples,
  type SampleCase,
  toTensor,
  worstError,
} from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/** `npm run test:fuzz -- --op NAME --seed FIRST --cases COUNT` sets these. */
const ONLY = process.env.DAWNGRAD_FUZZ_OP;
const FIRST = Number(process.env.DAWNGRAD_FUZZ_SEED ?? 0);
const CASES = Number(process.env.DAWNGRAD_FUZZ_CASES ?? 50);
/** Cases in one readback. */
const BATCH = 100;

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
// A case that ends the device must not fail the ops after it.
beforeEach(async () => {
  if (device.state === 'ready') return;
  device.close();
  device = await openDevice();
});
afterAll(() => device.close());

interface Failure {
  readonly seed: number;
  readonly failed: SampleCase;
  readonly why: string;
}

async function failuresOf(def: AnyOpDef): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (let first = FIRST; first < FIRST + CASES; first += BATCH) {
    const cases = Array.from({ length: Math.min(BATCH, FIRST + CASES - first) }, (_, i) => fuzzCase(def, first + i));
    const results = await runSamples(device, cases).catch((error: unknown) => {
      // A kernel that does not compile takes its whole batch with it.
      const again = `npm run test:fuzz -- --op ${def.name} --seed ${first} --cases ${cases.length}`;
      throw new Error(`${error instanceof Error ? error.message : error}\n${again}`, { cause: error });
    });
    cases.forEach((tried, i) => {
      const { inputs, attrs } = tried.sample;
      const why = disagreement(results[i]!, def.reference(inputs, attrs), def.tolerance);
      if (why !== undefined) failures.push({ seed: first + i, failed: tried, why });
    });
  }
  return failures;
}

/** The smallest failure in words, how to run it alone, and whether it needs its strides. */
async function report(def: AnyOpDef, failures: readonly Failure[]): Promise<string> {
  const elements = ({ failed }: Failure): number =>
    failed.sample.inputs.reduce((total, input) => total + input.data.length, 0);
  const [smallest] = [...failures].sort((a, b) => elements(a) - elements(b));
  const { seed, failed, why } = smallest!;
  const layouts = failed.sample.inputs.map(({ shape }) => plainLayout(shape.length));
  const [plain] = await runSamples(device, [{ ...failed, layouts }]);
  const stillFails =
    disagreement(plain!, def.reference(failed.sample.inputs, failed.sample.attrs), def.tolerance) !== undefined;
  return [
    `${failures.length} of ${CASES} cases fail; the smallest: ${describeCase(failed)}`,
    why,
    stillFails ? 'it fails with plain inputs too' : 'it passes with plain inputs: the layout matters',
    `npm run test:fuzz -- --op ${def.name} --seed ${seed}`,
  ].join('\n');
}

const chosen = opTable.filter((def) => ONLY === undefined || def.name === ONLY);

describe('random shapes, values, element types and layouts', () => {
  it.each(chosen.map((def) => [def.name, def] as const))(
    'of %s agree with float64',
    async (_name, def) => {
      const failures = await failuresOf(def);
      if (failures.length > 0) expect.fail(await report(def, failures));
    },
    600_000,
  );

  it('names an op of the table', () => {
    expect(chosen.length, `no op is called ${ONLY}`).toBeGreaterThan(0);
  });
});

describe.skipIf(ONLY !== undefined)('stretched operands', () => {
  it('give what their copies give', async () => {
    await scopeAsync(async () => {
      const op = (name: string): AnyOpDef => opTable.find((def) => def.name === name)!;
      const row = normalArray(1, [1, 6]);
      const stretched = expand(toTensor(device, row), [4, 6]);
      const copy = refArray([4, 6], [...row.data, ...row.data, ...row.data, ...row.data]);
      const b = normalArray(2, [6, 3]);
      const attrs = { transA: false, transB: false };
      const [product, total] = await readAll([
        applyOp(op('matmul'), [stretched, toTensor(device, b)], attrs)[0]!,
        applyOp(op('sum'), [stretched], { axes: [0], keepDims: false })[0]!,
      ]);
      expect(worstError(product!, op('matmul').reference([copy, b], attrs)[0]!.data)).toBeLessThan(1e-5);
      const fourfold = row.data.map((value) => value * 4);
      expect(worstError(total!, fourfold)).toBeLessThan(1e-5);
    });
  });
});
