import type { KernelBinding, KernelParam } from '@dawngrad/tensor';

/*
 * The head of every kernel that updates parameters: it adds up the partial sums of gradient-norm.wgsl.ts in a
 * fixed order, so that the totals need no launch of their own and no kernel waits for the host.
 *
 * Math     norm = sqrt(sum of squares); clip = min(1, maxNorm / norm), or -1 where the step must be skipped
 *          because a gradient, or the sum of squares, is not finite, or because norm > skipAbove.
 * Memory   at most 256 partial sums (2 KiB) a workgroup, from the cache.
 */
const LANES = 16;

/** `partials` is read; `stats` [2] is written by the launch whose `writesStats` is 1. */
export const CLIP_BINDINGS: readonly KernelBinding[] = [
  { name: 'partials', access: 'read', element: 'vec2<f32>' },
  { name: 'stats', access: 'read_write', element: 'f32' },
];

export const CLIP_PARAMS: readonly KernelParam[] = [
  { name: 'groups', type: 'u32' },
  { name: 'writesStats', type: 'u32' },
  { name: 'maxNorm', type: 'f32' },
  { name: 'skipAbove', type: 'f32' },
];

/**
 * `gradientClip(lane, isFirst)` of a workgroup of at least 16 threads; every thread calls it, before any of
 * them returns. `isFirst` is true in one workgroup of the launch.
 */
export const CLIP_FUNCTION: string = `
var<workgroup> clipSums: array<vec2f, ${LANES}>;
fn gradientClip(lane: u32, isFirst: bool) -> f32 {
  if (lane < ${LANES}u) {
    var sums = vec2f(0.0);
    for (var g = lane; g < params.groups; g += ${LANES}u) { sums += partials[g]; }
    clipSums[lane] = sums;
  }
  workgroupBarrier();
  var total = vec2f(0.0);
  for (var k = 0u; k < ${LANES}u; k++) { total += clipSums[k]; }
  // Finite gradients can still have squares that overflow: then the norm is not finite.
  let overflow = (bitcast<u32>(total.x) & 0x7f800000u) == 0x7f800000u;
  let bad = total.y + select(0.0, 1.0, overflow);
  let norm = sqrt(total.x);
  if (isFirst && lane == 0u && params.writesStats == 1u) {
    stats[0] = norm;
    stats[1] = bad;
  }
  if (bad > 0.0 || norm > params.skipAbove) { return -1.0; }
  return select(1.0, params.maxNorm / norm, params.maxNorm > 0.0 && norm > params.maxNorm);
}
`;
