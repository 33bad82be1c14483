import { type Device, type Kernel, linearWorkgroups, Tensor } from '@dawngrad/tensor';
import type { Ceilings } from './roofline.ts';

const WORKGROUP = 64;
const THREADS = 2 ** 16;
const COPY_BYTES = 2 ** 26;
/** A timing below this is mostly launch overhead, so the work grows until it takes as long. */
const ENOUGH_MS = 8;
const REPEATS = 4;
/** Multiply-adds of a chain per turn of the loop: a software adapter spends as long on the turn as on 16 of them. */
const UNROLL = 16;

/**
 * Chains of multiply-adds in registers, so that nothing but arithmetic limits it. How many chains keep
 * the units busy, and whether `fma` or a multiply and an add is quicker, differs by adapter.
 */
function multiplyAddKernel(chains: number, isFused: boolean): Kernel {
  const names = Array.from({ length: chains }, (_, i) => `a${i}`);
  const step = (name: string): string => (isFused ? `fma(${name}, m, c)` : `${name} * m + c`);
  return {
    key: `bench/ceiling/multiply-add-${chains}-${isFused}`,
    label: 'bench/ceiling/multiply-add',
    bindings: [{ name: 'y', access: 'read_write', element: 'f32' }],
    params: [
      { name: 'steps', type: 'u32' },
      { name: 'factor', type: 'f32' },
    ],
    body: () => `
@compute @workgroup_size(${WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let m = vec4<f32>(params.factor);
  let c = vec4<f32>(1.0 - params.factor);
${names.map((name, i) => `  var ${name} = vec4<f32>(f32(id.x + ${i}u));`).join('\n')}
  for (var i = 0u; i < params.steps; i++) {
${Array.from({ length: UNROLL }, () => names.map((name) => `    ${name} = ${step(name)};`).join('\n')).join('\n')}
  }
  let all = ${names.join(' + ')};
  y[id.x] = all.x + all.y + all.z + all.w;
}`,
  };
}

const COPY: Kernel = {
  key: 'bench/ceiling/copy',
  label: 'bench/ceiling/copy',
  bindings: [
    { name: 'x', access: 'read', element: 'vec4<f32>' },
    { name: 'y', access: 'read_write', element: 'vec4<f32>' },
  ],
  params: [],
  body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i < arrayLength(&y)) { y[i] = x[i]; }
}`,
};

/** Times one recording, on the device's clock if it has one. Milliseconds. */
async function timed(device: Device, record: () => void): Promise<number> {
  if (device.features.has('timestamp-query')) {
    const timings = await device.profile(record);
    return timings.reduce((total, timing) => total + timing.microseconds, 0) / 1000;
  }
  const start = performance.now();
  record();
  await device.finish();
  return performance.now() - start;
}

async function fastest(device: Device, record: () => void): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) best = Math.min(best, await timed(device, record));
  return best;
}

async function measureArithmetic(device: Device): Promise<number> {
  const out = Tensor.empty(device, [THREADS], 'f32', 'bench/ceiling');
  let steps = 4;
  let best = 0;
  for (const chains of [2, 4, 8]) {
    for (const isFused of [true, false]) {
      const kernel = multiplyAddKernel(chains, isFused);
      const record = (): void => device.dispatch(kernel, [out.binding()], [steps, 0.999], [THREADS / WORKGROUP, 1, 1]);
      await timed(device, record);
      while ((await timed(device, record)) < ENOUGH_MS && steps < 2 ** 20) steps *= 2;
      const milliseconds = await fastest(device, record);
      best = Math.max(best, (THREADS * steps * UNROLL * chains * 4 * 2) / (milliseconds * 1e6));
    }
  }
  out.dispose();
  return best;
}

async function measureCopy(device: Device): Promise<number> {
  const [x, y] = ['source', 'copy'].map((name) =>
    Tensor.empty(device, [COPY_BYTES / 4], 'f32', `bench/ceiling/${name}`),
  ) as [Tensor, Tensor];
  const record = (): void =>
    device.dispatch(COPY, [x.binding(), y.binding()], [], linearWorkgroups(COPY_BYTES / 16 / 256));
  await timed(device, record);
  const milliseconds = await fastest(device, record);
  x.dispose();
  y.dispose();
  return (2 * COPY_BYTES) / (milliseconds * 1e6);
}

/**
 * Measures what the adapter can do at most. About two seconds on a software adapter.
 *
 * @param known what was measured before in this process: whatever else the machine did can only lower a figure,
 * so the larger one counts.
 */
export async function measureCeilings(device: Device, known?: Ceilings): Promise<Ceilings> {
  const gflops = await measureArithmetic(device);
  const gbytes = await measureCopy(device);
  device.pool.trim();
  return { gflops: Math.max(gflops, known?.gflops ?? 0), gbytes: Math.max(gbytes, known?.gbytes ?? 0) };
}
