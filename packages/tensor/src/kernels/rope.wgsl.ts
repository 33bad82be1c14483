import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     for e < E/2 and angle a(n, e) of the token's position:
 *            y[e]       = x[e] cos a - s x[e + E/2] sin a
 *            y[e + E/2] = x[e + E/2] cos a + s x[e] sin a        s = 1, or -1 to rotate back
 * Layout   x, y [N, H, E]; positions [N]; table [P, E] holds cos in its first half and sin in its second.
 * Dispatch a thread a pair, or four pairs where E is a multiple of 8.
 * Numerics cos and sin come from a float64 table, since WGSL's own are only good near zero.
 * Source   Su et al., "RoFormer", 2021; the pairing (e, e + E/2) is that of the Llama checkpoints.
 */
function ropeKernel(vec: 1 | 4): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  return {
    key: `rope/${vec}`,
    label: 'tensor/rope',
    bindings: [
      { name: 'x', access: 'read', element },
      { name: 'positions', access: 'read', element: 'u32' },
      { name: 'table', access: 'read', element },
      { name: 'y', access: 'read_write', element },
    ],
    params: [
      { name: 'count', type: 'u32' },
      { name: 'heads', type: 'u32' },
      { name: 'pairs', type: 'u32' },
      { name: 'direction', type: 'f32' },
    ],
    body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.count) { return; }
  let e = i % params.pairs;
  let head = i / params.pairs;
  let at = head * params.pairs * 2u + e;
  let entry = positions[head / params.heads] * params.pairs * 2u + e;
  let c = table[entry];
  let s = table[entry + params.pairs] * params.direction;
  let a = x[at];
  let b = x[at + params.pairs];
  y[at] = a * c - b * s;
  y[at + params.pairs] = b * c + a * s;
}
`,
  };
}

/** Bindings: x, positions, table, y. */
export function planRope(rows: number, heads: number, width: number, inverse: boolean): LaunchPlan {
  const vec = width % 8 === 0 ? 4 : 1;
  const count = (rows * heads * width) / 2 / vec;
  return {
    kernel: ropeKernel(vec),
    params: [count, heads, width / 2 / vec, inverse ? -1 : 1],
    workgroups: linearWorkgroups(Math.ceil(count / 64)),
  };
}
