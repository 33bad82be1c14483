import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';

/*
 * Math     partial[g] = (sum of squares, number of non-finite values) over the gradients of workgroup g.
 * Layout   gradients [n] flat in vec4s; partials [groups, 2].
 * Dispatch a workgroup of 64 a partial sum, each over one stretch of the gradients; at most 256 of them, so
 *          that whoever needs the total can add them up itself.
 * Memory   reads the gradients once.
 * Numerics non-finite values are found by their bits (the exponent is all ones): WGSL may fold x != x
 *          away. They add 0 to the sum of squares. Fixed order, so the norm is reproducible.
 */
const WORKGROUP = 64;
/** Fewer values than this are not worth another workgroup. */
const LEAST_VALUES = 2048;
const MOST_GROUPS = 256;

/** Partial sums that one of `arenas` arenas takes for its `count` values. */
export function gradientNormGroups(count: number, arenas: number): number {
  const most = Math.max(1, Math.floor(MOST_GROUPS / arenas));
  return Math.max(1, Math.min(most, Math.ceil(count / LEAST_VALUES)));
}

const KERNEL: Kernel = {
  key: 'gradient-norm',
  label: 'autograd/gradient-norm',
  bindings: [
    { name: 'gradients', access: 'read', element: 'vec4<f32>' },
    { name: 'partials', access: 'read_write', element: 'vec2<f32>' },
  ],
  params: ['count', 'groups', 'firstGroup', 'stretch'].map((name) => ({ name, type: 'u32' })),
  body: () => `
var<workgroup> sums: array<vec2f, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = group.x + group.y * groups.x;
  let end = min((g + 1u) * params.stretch, params.count);
  var squares = 0.0;
  var bad = 0u;
  for (var i = g * params.stretch + lane; i < end; i += ${WORKGROUP}u) {
    let value = gradients[i];
    let finite = (bitcast<vec4u>(value) & vec4u(0x7f800000u)) != vec4u(0x7f800000u);
    let kept = select(vec4f(0.0), value, finite);
    squares += dot(kept, kept);
    let counts = select(vec4u(1u), vec4u(0u), finite);
    bad += counts.x + counts.y + counts.z + counts.w;
  }
  sums[lane] = vec2f(squares, f32(bad));
  workgroupBarrier();
  for (var span = ${WORKGROUP / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) { sums[lane] += sums[lane + span]; }
    workgroupBarrier();
  }
  if (lane == 0u && g < params.groups) { partials[params.firstGroup + g] = sums[0]; }
}
`,
};

/** Bindings: gradients, partials. `count` is a multiple of 64, as the length of an arena is. */
export function planGradientNorm(count: number, groups: number, firstGroup: number): LaunchPlan {
  const vectors = count / 4;
  return {
    kernel: KERNEL,
    params: [vectors, groups, firstGroup, Math.ceil(vectors / groups)],
    workgroups: linearWorkgroups(groups),
  };
}
