import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';

/*
 * Math     g' = g min(1, maxNorm / norm);  m = b1 m + (1 - b1) g';  v = b2 v + (1 - b2) g'^2
 *          p = p - lr (wd p + (m / c1) / (sqrt(v / c2) + eps)),  c = 1 - b^t;  g = 0
 *          where wd applies to elements before decayEnd only. If the gradients hold a non-finite value,
 *          p, m and v keep theirs: the step is skipped on the device, without a readback.
 * Numerics rest = 1 - b and c come from the host in float64: 1 - f32(0.999) is off by 5e-5 of itself.
 * Layout   four flat arrays of one length; stats = (norm, non-finite count).
 * Dispatch one thread a value. The gradient is zeroed on the way, ready for the next accumulation.
 * Memory   reads 4 and writes 4 values per parameter: 32 bytes.
 * Source   Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
 */
const ADAMW: Kernel = {
  key: 'adamw',
  label: 'autograd/adamw',
  bindings: [
    { name: 'stats', access: 'read', element: 'f32' },
    { name: 'values', access: 'read_write', element: 'f32' },
    { name: 'gradients', access: 'read_write', element: 'f32' },
    { name: 'first', access: 'read_write', element: 'f32' },
    { name: 'second', access: 'read_write', element: 'f32' },
  ],
  params: [
    { name: 'count', type: 'u32' },
    { name: 'decayEnd', type: 'u32' },
    { name: 'lr', type: 'f32' },
    { name: 'beta1', type: 'f32' },
    { name: 'beta2', type: 'f32' },
    { name: 'rest1', type: 'f32' },
    { name: 'rest2', type: 'f32' },
    { name: 'eps', type: 'f32' },
    { name: 'decay', type: 'f32' },
    { name: 'correction1', type: 'f32' },
    { name: 'correction2', type: 'f32' },
    { name: 'maxNorm', type: 'f32' },
  ],
  body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i >= params.count) { return; }
  let gradient = gradients[i];
  gradients[i] = 0.0;
  if (stats[1] > 0.0) { return; }
  let clip = select(1.0, params.maxNorm / stats[0], params.maxNorm > 0.0 && stats[0] > params.maxNorm);
  let g = gradient * clip;
  let m = params.beta1 * first[i] + params.rest1 * g;
  let v = params.beta2 * second[i] + params.rest2 * g * g;
  first[i] = m;
  second[i] = v;
  let update = (m / params.correction1) / (sqrt(v / params.correction2) + params.eps);
  let shrink = select(0.0, params.decay, i < params.decayEnd);
  values[i] = values[i] - params.lr * (shrink * values[i] + update);
}
`,
};

export interface AdamwHyper {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Largest global gradient norm; 0 switches clipping off. */
  readonly maxNorm: number;
}

/** Bindings: stats, values, gradients, first, second. `step` counts from 1. */
export function planAdamw(count: number, decayEnd: number, hyper: AdamwHyper, step: number): LaunchPlan {
  const { lr, beta1, beta2, eps, weightDecay, maxNorm } = hyper;
  return {
    kernel: ADAMW,
    params: [
      count,
      decayEnd,
      lr,
      beta1,
      beta2,
      1 - beta1,
      1 - beta2,
      eps,
      weightDecay,
      1 - beta1 ** step,
      1 - beta2 ** step,
      maxNorm,
    ],
    workgroups: linearWorkgroups(Math.ceil(count / 256)),
  };
}
