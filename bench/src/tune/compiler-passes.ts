import {
  add,
  compile,
  type Device,
  exp,
  linear,
  matmul,
  multiply,
  type PlanPasses,
  type Shape,
  scope,
  sigmoid,
  type Tensor,
  tanh,
} from '@dawngrad/tensor';
import { describeGpt, GPT_SIZES, type GptSize } from '../gpt/gpt-size.ts';
import { GptStep } from '../gpt/gpt-step.ts';
import type { Job } from '../job.ts';
import type { Effort } from '../measure.ts';
import type { Finding } from '../row.ts';
import { disposeAll, randomTensor } from '../values.ts';
import { type Lane, timeLanes } from './time-lanes.ts';

/** What the step compiler does, and what it is without each of its passes. */
const SETTINGS: readonly { readonly name: string; readonly passes: PlanPasses }[] = [
  { name: 'all passes', passes: {} },
  { name: 'without fusion', passes: { fusion: false } },
  { name: 'without merging', passes: { merging: false } },
  { name: 'without hoisting', passes: { hoisting: false } },
  { name: 'without in place', passes: { inPlace: false } },
  { name: 'without any', passes: { fusion: false, merging: false, hoisting: false, inPlace: false } },
];

interface PassCase {
  readonly name: string;
  readonly shapes: readonly Shape[];
  readonly body: (inputs: readonly Tensor[]) => Tensor[];
}

const [ROWS, WIDTH] = [4096, 256];

/** Work that one pass is made for. */
const CASES: readonly PassCase[] = [
  {
    name: `a pointwise chain of ${ROWS}x${WIDTH}`,
    shapes: [[ROWS, WIDTH], [WIDTH]],
    body: ([x, row]) => [multiply(tanh(add(exp(multiply(x!, row!)), x!)), sigmoid(x!))],
  },
  {
    name: `a linear ${ROWS}x${WIDTH}x${WIDTH} and what follows it`,
    shapes: [[ROWS, WIDTH], [WIDTH, WIDTH], [WIDTH]],
    body: ([x, weight, bias]) => {
      const y = add(linear(x!, weight!), bias!);
      return [multiply(y, sigmoid(y))];
    },
  },
  {
    name: 'four small products that need not wait for each other',
    shapes: [
      [64, 64],
      [64, 64],
    ],
    body: ([a, b]) => [
      matmul(a!, b!),
      matmul(a!, b!, { transA: true }),
      matmul(a!, b!, { transB: true }),
      matmul(b!, a!),
    ],
  },
];

/** One finding a setting: how long it takes, and how many launches it is. */
async function compareSettings(
  device: Device,
  name: string,
  lanes: readonly Lane[],
  effort: Effort,
  clock: 'device' | 'wall',
): Promise<Finding[]> {
  const launches: number[] = [];
  const run = async (lane: Lane): Promise<void> => {
    scope(lane);
    await device.finish();
  };
  for (const lane of lanes) {
    // The first call may do more, such as work on constants.
    await run(lane);
    const before = device.counters.dispatches;
    await run(lane);
    launches.push(device.counters.dispatches - before);
  }
  const times = await timeLanes(device, lanes, effort, clock);
  return times.map((time, i) => ({
    name: `${name}, ${SETTINGS[i]!.name}`,
    params: { setting: SETTINGS[i]!.name },
    library: 'dawngrad',
    time,
    dispatches: launches[i]!,
    details: { clock, times_all_passes: time.median / times[0]!.median },
  }));
}

function caseJob({ name, shapes, body }: PassCase, isQuick: boolean): Job {
  return {
    suite: 'tune',
    name: `compile ${name}`,
    isQuick,
    isLarge: false,
    run: async ({ device, effort }) => {
      const inputs = shapes.map((shape, i) => randomTensor(device, shape, i + 1));
      const steps = SETTINGS.map(({ passes }) =>
        compile(device, (tensors: readonly Tensor[]) => body(tensors), passes),
      );
      const lanes = steps.map((step) => () => void step(inputs));
      const findings = await compareSettings(device, `compile ${name}`, lanes, effort, 'device');
      for (const step of steps) step.dispose();
      disposeAll(inputs)();
      return findings;
    },
  };
}

/** Wall time, since what is saved is the work between the launches too. */
function gptJob(size: GptSize): Job {
  const name = `compile ${describeGpt(size)}`;
  return {
    suite: 'tune',
    name,
    isQuick: false,
    isLarge: false,
    run: async ({ device, effort }) => {
      const steps = SETTINGS.map(({ passes }) => new GptStep(device, size, passes));
      const lanes = steps.map((step) => () => void step.recordPlanned());
      const findings = await compareSettings(device, name, lanes, effort, 'wall');
      for (const step of steps) step.dispose();
      return findings;
    },
  };
}

/** What each pass of the step compiler is worth. */
export const compilerPassJobs: readonly Job[] = [
  ...CASES.map((passCase, i) => caseJob(passCase, i === 0)),
  ...GPT_SIZES.map(gptJob),
];
