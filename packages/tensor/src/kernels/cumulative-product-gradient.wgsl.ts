import { linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     y_j = product of x_l for l <= j (l < j with \`exclusive\`), in the order of the scan. With
 *          p_i = product of x_l for l < i:  dx_i = p_i S_i,  S_i = dy_i + x_{i+1} S_{i+1}
 *          (S_i = dy_{i+1} + x_{i+1} S_{i+1} with \`exclusive\`), which divides by nothing: zeros are right.
 * Layout   x, dy, p, dx [outer, width, inner], contiguous f32.
 * Dispatch a thread walks a row from its end.
 * Memory   3 reads and 1 write.
 */

/** The axis of `width` elements among the axes before (`outer`) and after it (`inner`), and which product `cumprod` took. */
export interface CumulativeProductGradientSpec {
  readonly outer: number;
  readonly width: number;
  readonly inner: number;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

/** Bindings: x, dy, p, dx. */
export function planCumulativeProductGradient(spec: CumulativeProductGradientSpec): LaunchPlan {
  const { outer, width, inner, reverse, exclusive } = spec;
  const column = reverse ? 'params.width - 1u - at' : 'at';
  return {
    kernel: {
      key: `cumulative-product-gradient/${reverse}/${exclusive}`,
      label: 'tensor/cumprod/gradient',
      bindings: [
        { name: 'x', access: 'read', element: 'f32' },
        { name: 'dy', access: 'read', element: 'f32' },
        { name: 'before', access: 'read', element: 'f32' },
        { name: 'dx', access: 'read_write', element: 'f32' },
      ],
      params: ['rows', 'width', 'inner'].map((name) => ({ name, type: 'u32' })),
      body: () => `
@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.x + group.y * groups.x) * 16u + lane;
  if (row >= params.rows) { return; }
  let base = (row / params.inner) * params.width * params.inner + row % params.inner;
  var slope = 0.0;
  for (var left = params.width; left > 0u; left--) {
    let at = left - 1u;
    let i = base + (${column}) * params.inner;
    ${exclusive ? 'dx[i] = before[i] * slope; slope = dy[i] + x[i] * slope;' : 'slope += dy[i]; dx[i] = before[i] * slope; slope = x[i] * slope;'}
  }
}
`,
    },
    params: [outer * inner, width, inner],
    workgroups: linearWorkgroups(Math.ceil((outer * inner) / 16)),
  };
}
