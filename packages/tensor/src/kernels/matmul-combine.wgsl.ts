import type { Kernel } from '../gpu/kernel.ts';
import type { MatmulEpilogue, MatmulFusion } from './matmul-spec.ts';
import { fusionKey, fusionParams, storeBindings, storeFunction } from './matmul-store.wgsl.ts';

/*
 * Math     C = f(alpha * (P_0 + P_1 + ... ) + epilogue): adds the partial products of a matmul that was split
 *          along K, then does all that the matmul itself would have done with the sum.
 * Layout   P is [parts, batch, M, N], plain; C and what the epilogue reads as in matmul.wgsl.ts.
 * Dispatch a thread four values of C next to each other, workgroups folded over x and y.
 * Memory   parts * M * N * 4 bytes a matrix read, M * N * 4 written.
 * Numerics f32, parts in order: the same bits every time, but not those of the sum that was not split.
 * Source   Split-K as in CUTLASS's "parallel reduction", without atomics.
 */

const WORKGROUP = 64;

export function matmulCombineKernel(options: {
  readonly epilogue: MatmulEpilogue;
  readonly fused: MatmulFusion | undefined;
  readonly vector: 1 | 4;
}): Kernel {
  const { epilogue, fused, vector } = options;
  const value = (at: string) =>
    vector === 4
      ? `parts[(${at}) / 4u]`
      : `vec4f(${[0, 1, 2, 3].map((x) => `parts[min(${at} + ${x}u, last)]`).join(', ')})`;
  return {
    key: `matmul-combine/${epilogue}/v${vector}${fusionKey(fused)}`,
    label: `tensor/matmul/combine${epilogue === 'none' ? '' : `+${epilogue}`}${fused === undefined ? '' : `+${fused.expression.name}`}`,
    bindings: [
      { name: 'parts', access: 'read', element: vector === 4 ? 'vec4<f32>' : 'f32' },
      ...storeBindings(options),
    ],
    params: [
      ...['m', 'n', 'ldc', 'strideC', 'batch', 'splits'].map((name) => ({ name, type: 'u32' as const })),
      { name: 'alpha', type: 'f32' },
      ...fusionParams(fused),
    ],
    body: () => `${storeFunction(options)}
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = (group.x + group.y * groups.x) * ${WORKGROUP}u + thread;
  let runs = (params.n + 3u) / 4u;
  let row = i / runs;
  if (row >= params.batch * params.m) { return; }
  let column = i % runs * 4u;
  let matrix = params.batch * params.m * params.n;
  let first = row * params.n + column;
  let last = matrix * params.splits - 1u;
  var sum = ${value('first')};
  for (var s = 1u; s < params.splits; s++) { sum += ${value('first + s * matrix')}; }
  store(row / params.m, row % params.m, column, sum);
}
`,
  };
}

/** Threads that a launch over `values` runs of four needs, in workgroups. */
export function combineWorkgroups(runs: number): number {
  return Math.ceil(runs / WORKGROUP);
}
