import { add, compile, type Device, scope, type Tensor } from '@dawngrad/tensor';
import { createGpu } from '@dawngrad/tensor/node';
import { describeGpt, GPT_SIZES } from '../gpt/gpt-size.ts';
import { GptStep } from '../gpt/gpt-step.ts';
import type { Job } from '../job.ts';
import { randomTensor } from '../values.ts';
import { type EncodeLane, timeEncoding } from './encode-lane.ts';
import { RawWebGpu } from './raw-webgpu.ts';

const LAUNCHES = 512;
const ROUNDS = { quick: 5, full: 31 } as const;

/** Small launches that each need the one before. */
function chain(x: Tensor): Tensor {
  let y = x;
  for (let i = 0; i < LAUNCHES; i++) y = add(y, x);
  return y;
}

/** What one run of a lane asks of the device. */
async function countsOf(
  device: Device,
  run: () => void,
): Promise<Pick<EncodeLane, 'dispatches' | 'counts' | 'details'>> {
  // The first fills the pool and compiles, the second finds its buffers there.
  for (let i = 0; i < 2; i++) {
    run();
    await device.finish();
  }
  const before = device.counters;
  run();
  await device.finish();
  const after = device.counters;
  return {
    dispatches: after.dispatches - before.dispatches,
    counts: { submits: after.submits - before.submits, newBuffers: after.buffersCreated - before.buffersCreated },
    details: {
      passes: after.passes - before.passes,
      new_bind_groups: after.bindGroupsCreated - before.bindGroupsCreated,
    },
  };
}

async function lane(device: Device, name: string, params: EncodeLane['params'], run: () => void): Promise<EncodeLane> {
  return {
    name,
    params,
    library: 'dawngrad',
    ...(await countsOf(device, run)),
    encode: async () => {
      run();
      await device.flush();
    },
    finish: () => device.finish(),
  };
}

const chainJob: Job = {
  suite: 'dispatch',
  name: `encode ${LAUNCHES} small launches`,
  isQuick: true,
  isLarge: false,
  run: async ({ device, isQuick }) => {
    const raw = await RawWebGpu.open(createGpu());
    const x = randomTensor(device, [64], 1);
    // Fused, the chain would be a launch or two.
    const compiled = compile(device, chain, { fusion: false });
    const common = { params: { launches: LAUNCHES }, dispatches: LAUNCHES, finish: () => raw.finish() };
    const name = chainJob.name;
    const findings = await timeEncoding(
      [
        {
          ...common,
          name,
          library: 'WebGPU, a submit and a bind group a launch',
          counts: { submits: LAUNCHES, newBuffers: 0 },
          encode: () => raw.encodeOneByOne(LAUNCHES),
        },
        {
          ...common,
          name,
          library: 'WebGPU, one pass, one bind group',
          counts: { submits: 1, newBuffers: 0 },
          encode: () => raw.encodeTogether(LAUNCHES),
        },
        await lane(device, `${name}, compiled`, { launches: LAUNCHES, mode: 'compiled' }, () => {
          scope(() => void compiled(x));
        }),
        await lane(device, `${name}, eager`, { launches: LAUNCHES, mode: 'eager' }, () => {
          scope(() => void chain(x));
        }),
      ],
      isQuick ? ROUNDS.quick : ROUNDS.full,
    );
    compiled.dispose();
    x.dispose();
    raw.close();
    return findings;
  },
};

const gptJobs: readonly Job[] = GPT_SIZES.map((size) => ({
  suite: 'dispatch',
  name: `encode ${describeGpt(size)}`,
  isQuick: size === GPT_SIZES[0],
  isLarge: false,
  run: async ({ device, isQuick }) => {
    const step = new GptStep(device, size);
    const planned = await lane(device, `encode ${describeGpt(size)}, compiled`, { ...size, mode: 'compiled' }, () => {
      scope(() => void step.recordPlanned());
    });
    const eager = await lane(device, `encode ${describeGpt(size)}, eager`, { ...size, mode: 'eager' }, () => {
      scope(() => void step.recordEager());
    });
    const findings = await timeEncoding([planned, eager], isQuick ? ROUNDS.quick : ROUNDS.full);
    step.dispose();
    return findings;
  },
}));

export const dispatchJobs: readonly Job[] = [chainJob, ...gptJobs];
