import type { Kernel } from '../gpu/kernel.ts';

/*
 * Math     fill: out = value;  accumulate: out = source + (keep ? out : 0)
 * Layout   contiguous f32.
 * Dispatch one thread an element.
 */

export const FILL: Kernel = {
  key: 'fill',
  label: 'tensor/fill',
  bindings: [{ name: 'out', access: 'read_write', element: 'f32' }],
  params: [
    { name: 'count', type: 'u32' },
    { name: 'value', type: 'f32' },
  ],
  body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i < params.count) { out[i] = params.value; }
}
`,
};

export const ACCUMULATE: Kernel = {
  key: 'accumulate',
  label: 'tensor/accumulate',
  bindings: [
    { name: 'source', access: 'read', element: 'f32' },
    { name: 'out', access: 'read_write', element: 'f32' },
  ],
  params: [
    { name: 'count', type: 'u32' },
    { name: 'keep', type: 'f32' },
  ],
  body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  // A select, not a product: what stood there before may be NaN when it is to be replaced.
  if (i < params.count) { out[i] = source[i] + select(0.0, out[i], params.keep > 0.0); }
}
`,
};
