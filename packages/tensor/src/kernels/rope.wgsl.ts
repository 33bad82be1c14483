import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     for e < E/2 and angle a(n, e) of the token's position:
 *            y[e]       = x[e] cos a - s x[e + E/2] sin a
 *            y[e + E/2] = x[e + E/2] cos a + s x[e] sin a        s = 1, or -1 to rotate back
 *          for the first heads of each token; the others are copied, or left alone in place.
 * Layout   x, y [N, H, E]; positions [N]; table [P, E] holds cos in its first half and sin in its second.
 * Dispatch a thread a pair, or four pairs where E is a multiple of 8.
 * Memory   one read and one write of the heads that change (of all heads where it is not in place).
 * Numerics cos and sin come from a float64 table, since WGSL's own are only good near zero.
 * Source   Su et al., "RoFormer", 2021; the pairing (e, e + E/2) is that of the Llama checkpoints.
 */
function ropeKernel(vec: 1 | 4, inPlace: boolean): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  const x = inPlace ? 'y' : 'x';
  return {
    key: `rope/${vec}/${inPlace}`,
    label: 'tensor/rope',
    bindings: [
      ...(inPlace ? [] : [{ name: 'x', access: 'read', element } as const]),
      { name: 'positions', access: 'read', element: 'u32' },
      { name: 'table', access: 'read', element },
      { name: 'y', access: 'read_write', element },
    ],
    params: [
      { name: 'count', type: 'u32' },
      { name: 'heads', type: 'u32' },
      { name: 'touched', type: 'u32' },
      { name: 'rotated', type: 'u32' },
      { name: 'pairs', type: 'u32' },
      { name: 'direction', type: 'f32' },
    ],
    body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.count) { return; }
  let e = i % params.pairs;
  let row = i / params.pairs / params.touched;
  let head = i / params.pairs % params.touched;
  let at = (row * params.heads + head) * params.pairs * 2u + e;
  let entry = positions[row] * params.pairs * 2u + e;
  let turns = head < params.rotated;
  let c = table[entry];
  let s = table[entry + params.pairs] * params.direction;
  let a = ${x}[at];
  let b = ${x}[at + params.pairs];
  y[at] = select(a, a * c - b * s, turns);
  y[at + params.pairs] = select(b, b * c + a * s, turns);
}
`,
  };
}

export interface RopeShape {
  readonly rows: number;
  /** Heads of a token. */
  readonly heads: number;
  /** Those that are rotated, the first ones. Default: all. */
  readonly rotated?: number;
  /** Head width E, even. */
  readonly width: number;
  /** Rotates back. */
  readonly inverse: boolean;
  /** Default: x is kept and y is another buffer. */
  readonly inPlace?: boolean;
}

/** Bindings: [x,] positions, table, y. */
export function planRope(shape: RopeShape): LaunchPlan {
  const { rows, heads, rotated = heads, width, inverse, inPlace = false } = shape;
  const vec = width % 8 === 0 ? 4 : 1;
  const pairs = width / 2 / vec;
  const touched = inPlace ? rotated : heads;
  const count = rows * touched * pairs;
  return {
    kernel: ropeKernel(vec, inPlace),
    params: [count, heads, touched, rotated, pairs, inverse ? -1 : 1],
    workgroups: linearWorkgroups(Math.ceil(count / 64)),
  };
}
