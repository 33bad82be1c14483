import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     out[o, d, i] = x[o, d - start, i] for start <= d < start + size, else 0
 * Layout   contiguous; o runs over the dimensions before the axis, i over those after it.
 * Dispatch one thread an output element.
 */
const PAD: Kernel = {
  key: 'pad',
  label: 'tensor/pad',
  bindings: [
    { name: 'x', access: 'read', element: 'f32' },
    { name: 'out', access: 'read_write', element: 'f32' },
  ],
  params: ['count', 'inner', 'dim', 'start', 'size'].map((name) => ({ name, type: 'u32' })),
  body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * 256u + lane;
  if (at >= params.count) { return; }
  let i = at % params.inner;
  let d = (at / params.inner) % params.dim;
  let o = at / params.inner / params.dim;
  // Unsigned: positions before the start wrap around and are past the size too.
  let shifted = d - params.start;
  var value = 0.0;
  if (shifted < params.size) { value = x[(o * params.size + shifted) * params.inner + i]; }
  out[at] = value;
}
`,
};

/** Bindings: x, out. */
export function planPad(outer: number, size: number, inner: number, start: number, dim: number): LaunchPlan {
  const count = outer * dim * inner;
  return {
    kernel: PAD,
    params: [count, inner, dim, start, size],
    workgroups: linearWorkgroups(Math.ceil(count / 256)),
  };
}
