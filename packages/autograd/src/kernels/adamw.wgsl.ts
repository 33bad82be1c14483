import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';
import { CLIP_BINDINGS, CLIP_FUNCTION, CLIP_PARAMS } from './gradient-clip.wgsl.ts';
import { HYPER_BINDING, HYPER_FUNCTIONS } from './group-hyper.wgsl.ts';

/*
 * Math     g' = g clip;  m = b1 m + (1 - b1) g';  v = b2 v + (1 - b2) g'^2
 *          p = p - lr s (wd p + (m / c1) / (sqrt(v / c2) + eps)),  c = 1 - b^t;  g = 0
 *          with s, wd, b1 and b2 of the parameter's group. If the gradients hold a non-finite value,
 *          p, m and v keep theirs: the step is skipped on the device, without a readback.
 * Layout   four flat arrays of one length, in vec4s.
 * Dispatch one thread four values. The gradient is zeroed on the way, ready for the next accumulation.
 * Memory   reads 4 and writes 4 values per parameter: 32 bytes.
 * Source   Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
 */
const KERNEL: Kernel = {
  key: 'adamw',
  label: 'autograd/adamw',
  bindings: [
    ...CLIP_BINDINGS,
    { name: 'values', access: 'read_write', element: 'vec4<f32>' },
    { name: 'gradients', access: 'read_write', element: 'vec4<f32>' },
    { name: 'first', access: 'read_write', element: 'vec4<f32>' },
    { name: 'second', access: 'read_write', element: 'vec4<f32>' },
    HYPER_BINDING,
  ],
  params: [
    ...CLIP_PARAMS,
    { name: 'count', type: 'u32' },
    { name: 'groupRows', type: 'u32' },
    { name: 'lr', type: 'f32' },
    { name: 'step', type: 'f32' },
    { name: 'eps', type: 'f32' },
  ],
  body: () => `
${CLIP_FUNCTION}
${HYPER_FUNCTIONS}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let workgroup = group.x + group.y * groups.x;
  let clip = gradientClip(lane, workgroup == 0u);
  let i = workgroup * 256u + lane;
  if (i >= params.count) { return; }
  let g = gradients[i] * clip;
  gradients[i] = vec4f(0.0);
  if (clip < 0.0) { return; }
  let h = hyperOf(i * 4u);
  let m = h.beta1 * first[i] + h.rest1 * g;
  let v = h.beta2 * second[i] + h.rest2 * g * g;
  first[i] = m;
  second[i] = v;
  let c1 = biasCorrection(h.logBeta1, params.step);
  let c2 = biasCorrection(h.logBeta2, params.step);
  let update = (m / c1) / (sqrt(v / c2) + params.eps);
  let value = values[i];
  values[i] = value - params.lr * h.lrScale * (h.decay * value + update);
}
`,
};

/** Bindings: partials, stats, values, gradients, first, second, group table. */
export function planAdamw(count: number, params: LaunchPlan['params']): LaunchPlan {
  return { kernel: KERNEL, params, workgroups: linearWorkgroups(Math.ceil(count / 1024)) };
}
