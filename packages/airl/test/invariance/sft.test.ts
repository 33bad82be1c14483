import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MetricRow } from '../../src/metrics/names.ts';
import type { Demonstration, Task } from '../../src/task/task.ts';
import { type SftOptions, trainSft } from '../../src/train/sft.ts';
import { optim, recordRun, series, sftOptions, tinyPolicy, tinyTask } from '../train/tiny-run.ts';
import { type AdapterWay, adaptedPolicy } from './adapted-policy.ts';
import { expectSameRows } from './same-rows.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task = tinyTask();
/** All demonstrations in each step, so that their order may change and the step may not. */
const options: SftOptions = { ...sftOptions, optim: { ...optim, warmupRatio: 0 }, maxSteps: 2, rowsPerStep: 6 };

interface Way {
  readonly task?: Task;
  readonly options?: Partial<SftOptions>;
  readonly recomputes?: boolean;
  readonly adapters?: AdapterWay;
}

async function rowsOf(way: Way): Promise<MetricRow[]> {
  const policy = way.adapters === undefined ? tinyPolicy(device) : await adaptedPolicy(device, way.adapters);
  policy.recomputesBlocks = way.recomputes ?? false;
  const { context, rows } = recordRun();
  await trainSft(policy, way.task ?? task, { ...options, ...way.options }, context);
  policy.dispose();
  return rows;
}

/** Traces of other lengths between the others that have no token to learn: what padding would be, on either side. */
function padded(): Task {
  const padding = [3, 19, 1].map((length, i): Demonstration => {
    const [first] = task.demonstrations;
    return { ...first!, id: `padding-${i}`, completionIds: new Uint32Array(length).fill(7) };
  });
  return {
    ...task,
    demonstrations: [padding[0]!, ...task.demonstrations, ...padding.slice(1)],
    forced: (ids) => (ids[0] === 7 ? new Uint8Array(ids.length).fill(1) : task.forced(ids)),
  };
}

const RECOMPUTED = 'with the blocks computed again for the gradient';

const WAYS: Readonly<Record<string, Way>> = {
  'in micro-batches of one or two traces': { options: { microBatchTokens: 70 } },
  'accumulated over passes of one trace, so without packing': { options: { microBatchTokens: 1 } },
  'in another order in the batch': { task: { ...task, demonstrations: task.demonstrations.toReversed() } },
  'beside padding': { task: padded(), options: { rowsPerStep: 9 } },
  [RECOMPUTED]: { recomputes: true },
};

/** What the cut of a batch does is the same for adapters; the blocks and the adapters themselves are not. */
const ADAPTER_WAYS: Readonly<Record<string, Way>> = {
  [RECOMPUTED]: WAYS[RECOMPUTED]!,
  'with adapters attached before the weights are loaded': { adapters: 'attached before loading' },
  'with the targets of the adapters in another order': { adapters: 'targets in another order' },
};

describe('SFT steps on the same demonstrations have the same metrics', () => {
  let whole: MetricRow[];
  let adapted: MetricRow[];
  beforeAll(async () => {
    whole = await rowsOf({});
    adapted = await rowsOf({ adapters: 'attached after loading' });
  });

  it("which count exactly the tokens that are the completions' own", () => {
    const own = task.demonstrations.reduce(
      (total, { completionIds }) =>
        total + completionIds.length - task.forced(completionIds).reduce((a, b) => a + b, 0),
      0,
    );
    for (const rows of [whole, adapted]) {
      expect(series(rows, 'num_tokens')).toEqual([own, 2 * own]);
      // So that what follows compares steps that move: the loss changes by far more than the tolerance.
      const [first, second] = series(rows, 'loss');
      expect(first! - second!).toBeGreaterThan(1e-3);
    }
  });

  it.each(Object.keys(WAYS))('%s', async (name) => {
    expectSameRows(await rowsOf(WAYS[name]!), whole);
  });

  it.each(Object.keys(ADAPTER_WAYS))('%s (adapters)', async (name) => {
    expectSameRows(await rowsOf({ adapters: 'attached after loading', ...ADAPTER_WAYS[name] }), adapted);
  });

  it('tells steps on other data apart, by far more than that', async () => {
    const other = { ...task, demonstrations: [...task.demonstrations.slice(0, 5), task.demonstrations[0]!] };
    const rows = await rowsOf({ task: other });
    expect(() => expectSameRows(rows, whole)).toThrow(/loss of row 0|num_tokens of row 0/);
  });
});
