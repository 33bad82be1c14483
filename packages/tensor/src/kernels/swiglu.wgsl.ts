import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     with s = sigmoid(g): dg = dy u s (1 + g (1 - s));  du = dy g s
 * Layout   contiguous, in vec4s where the size allows.
 * Dispatch one thread an element (or four); both gradients in one sweep.
 * Memory   3 reads, 2 writes.
 */
function gradientKernel(vec: 1 | 4): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  return {
    key: `swiglu/gradient/${vec}`,
    label: 'tensor/swiglu/gradient',
    bindings: [
      { name: 'gate', access: 'read', element },
      { name: 'up', access: 'read', element },
      { name: 'dy', access: 'read', element },
      { name: 'dGate', access: 'read_write', element },
      { name: 'dUp', access: 'read_write', element },
    ],
    params: [{ name: 'count', type: 'u32' }],
    body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i >= params.count) { return; }
  let g = gate[i];
  let s = 1.0 / (1.0 + exp(-g));
  let d = dy[i] * s;
  dGate[i] = d * up[i] * (1.0 + g * (1.0 - s));
  dUp[i] = d * g;
}
`,
  };
}

/** Bindings: gate, up, dy, dGate, dUp. */
export function planSwigluGradient(size: number): LaunchPlan {
  const vec = size % 4 === 0 ? 4 : 1;
  return {
    kernel: gradientKernel(vec),
    params: [size / vec],
    workgroups: linearWorkgroups(Math.ceil(size / vec / 256)),
  };
}
