import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';
import { CLIP_BINDINGS, CLIP_FUNCTION, CLIP_PARAMS } from './gradient-clip.wgsl.ts';
import { HYPER_BINDING, HYPER_FUNCTIONS } from './group-hyper.wgsl.ts';

/** What the text of the kernel depends on. */
export interface SgdForm {
  readonly momentum: boolean;
  readonly nesterov: boolean;
}

/*
 * Math     d = g clip + wd p;  b = mu b + d;  u = b, with Nesterov's look ahead d + mu b, without momentum d
 *          p = p - lr s u;  g = 0, with s, wd and mu of the parameter's group. A step with a non-finite
 *          gradient leaves p and b alone.
 * Layout   flat arrays of one length, in vec4s.
 * Dispatch one thread four values.
 * Memory   reads 3 and writes 3 values per parameter (2 and 2 without momentum).
 * Source   Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013, in the
 *          form of torch.optim.SGD: the decay is part of the gradient, and the first step has b = d.
 */
function sgdKernel({ momentum, nesterov }: SgdForm): Kernel {
  return {
    key: `sgd/${momentum ? 'momentum' : 'plain'}/${nesterov ? 'nesterov' : 'heavy-ball'}`,
    label: 'autograd/sgd',
    bindings: [
      ...CLIP_BINDINGS,
      { name: 'values', access: 'read_write', element: 'vec4<f32>' },
      { name: 'gradients', access: 'read_write', element: 'vec4<f32>' },
      ...(momentum ? [{ name: 'velocity', access: 'read_write' as const, element: 'vec4<f32>' }] : []),
      HYPER_BINDING,
    ],
    params: [
      ...CLIP_PARAMS,
      { name: 'count', type: 'u32' },
      { name: 'groupRows', type: 'u32' },
      { name: 'lr', type: 'f32' },
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
  let value = values[i];
  let d = g + h.decay * value;
  ${momentum ? 'let b = h.beta1 * velocity[i] + d;\n  velocity[i] = b;' : ''}
  let update = ${momentum ? (nesterov ? 'd + h.beta1 * b' : 'b') : 'd'};
  values[i] = value - params.lr * h.lrScale * update;
}
`,
  };
}

/** Bindings: partials, stats, values, gradients, [velocity], group table. */
export function planSgd(form: SgdForm, count: number, params: LaunchPlan['params']): LaunchPlan {
  return { kernel: sgdKernel(form), params, workgroups: linearWorkgroups(Math.ceil(count / 1024)) };
}
