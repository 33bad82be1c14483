import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';

/*
 * Math     partial[g] = (sum of squares, number of non-finite values) over the gradients of group g;
 *          stats = (norm, non-finite count) over all partials.
 * Layout   gradients [n] flat; partials [groups, 2]; stats [2].
 * Dispatch first launch: a workgroup of 64 per 64 * 32 values; second: one thread.
 * Numerics non-finite values are found by their bits (the exponent is all ones): WGSL may fold x != x
 *          away. They add 0 to the sum of squares. Fixed order, so the norm is reproducible.
 */
const VALUES_PER_THREAD = 32;
const WORKGROUP = 64;

/** Partial sums that one arena of `count` values needs. */
export function gradientNormGroups(count: number): number {
  return Math.ceil(count / (VALUES_PER_THREAD * WORKGROUP));
}

const PARTIAL: Kernel = {
  key: 'gradient-norm/partial',
  label: 'autograd/gradient-norm/partial',
  bindings: [
    { name: 'gradients', access: 'read', element: 'f32' },
    { name: 'partials', access: 'read_write', element: 'f32' },
  ],
  params: ['count', 'groups', 'firstGroup'].map((name) => ({ name, type: 'u32' })),
  body: () => `
var<workgroup> squares: array<f32, ${WORKGROUP}>;
var<workgroup> bad: array<f32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let g = group.x + group.y * groups.x;
  let base = g * ${WORKGROUP * VALUES_PER_THREAD}u + lane;
  var total = 0.0;
  var count = 0.0;
  for (var step = 0u; step < ${VALUES_PER_THREAD}u; step++) {
    let i = base + step * ${WORKGROUP}u;
    if (i < params.count) {
      let value = gradients[i];
      let finite = (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
      total += select(0.0, value * value, finite);
      count += select(1.0, 0.0, finite);
    }
  }
  squares[lane] = total;
  bad[lane] = count;
  workgroupBarrier();
  for (var span = ${WORKGROUP / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) {
      squares[lane] += squares[lane + span];
      bad[lane] += bad[lane + span];
    }
    workgroupBarrier();
  }
  if (lane == 0u && g < params.groups) {
    partials[(params.firstGroup + g) * 2u] = squares[0];
    partials[(params.firstGroup + g) * 2u + 1u] = bad[0];
  }
}
`,
};

const TOTAL: Kernel = {
  key: 'gradient-norm/total',
  label: 'autograd/gradient-norm/total',
  bindings: [
    { name: 'partials', access: 'read', element: 'f32' },
    { name: 'stats', access: 'read_write', element: 'f32' },
  ],
  params: [{ name: 'groups', type: 'u32' }],
  body: () => `
@compute @workgroup_size(1)
fn main() {
  var squares = 0.0;
  var bad = 0.0;
  for (var g = 0u; g < params.groups; g++) {
    squares += partials[g * 2u];
    bad += partials[g * 2u + 1u];
  }
  // A finite gradient can still have squares that overflow: then the norm is not finite.
  let overflow = (bitcast<u32>(squares) & 0x7f800000u) == 0x7f800000u;
  stats[0] = sqrt(squares);
  stats[1] = bad + select(0.0, 1.0, overflow);
}
`,
};

/** Bindings: gradients, partials. */
export function planGradientNormPartial(count: number, firstGroup: number): LaunchPlan {
  const groups = gradientNormGroups(count);
  return { kernel: PARTIAL, params: [count, groups, firstGroup], workgroups: linearWorkgroups(groups) };
}

/** Bindings: partials, stats. */
export function planGradientNormTotal(groups: number): LaunchPlan {
  return { kernel: TOTAL, params: [groups], workgroups: [1, 1, 1] };
}
