import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, type RowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     out[r] = reduce over j of in[r, j] for sum, max and min.
 * Layout   a strided view with the kept dimensions first: row r = (r0, r1, r2), element j = (j0, j1, j2),
 *          each with a size and a stride, which covers any set of axes up to three merged groups of each.
 * Dispatch LANES threads a row; a long reduction with few rows is split into \`splits\` sums rows and
 *          finished by a second launch.
 * Memory   every input is read once.
 * Numerics sums are sequential within a thread and a fixed tree across threads (f32).
 */

export type Reduction = 'sum' | 'max' | 'min';

const COMBINE: Record<Reduction, { initial: string; combine: (a: string, b: string) => string }> = {
  sum: { initial: '0.0', combine: (a, b) => `${a} + ${b}` },
  // Any element will do to start from, and a part is never empty. WGSL has no infinity constants, and the
  // largest finite value would be wrong for a row of infinities.
  max: { initial: 'element(base, min(first, end - 1u))', combine: (a, b) => `max(${a}, ${b})` },
  min: { initial: 'element(base, min(first, end - 1u))', combine: (a, b) => `min(${a}, ${b})` },
};

/** Rows and columns are given as up to three merged dimensions, outermost first (pad with size 1). */
export interface ReduceLoops {
  readonly rowDims: readonly [number, number, number];
  readonly rowStrides: readonly [number, number, number];
  readonly dims: readonly [number, number, number];
  readonly strides: readonly [number, number, number];
  readonly offset: number;
}

/** One launch that reduces \`width\` elements of each row in \`splits\` parts: out[split * rows + row]. */
export function planReduce(
  reduction: Reduction,
  loops: ReduceLoops,
  splits: number,
  adapterClass: AdapterClass,
): LaunchPlan {
  const rows = loops.rowDims[0] * loops.rowDims[1] * loops.rowDims[2];
  const width = loops.dims[0] * loops.dims[1] * loops.dims[2];
  const layout = chooseRowLayout(rows * splits, Math.ceil(width / splits), adapterClass);
  return {
    kernel: reduceKernel(reduction, layout),
    params: [
      rows * splits,
      rows,
      width,
      Math.ceil(width / splits),
      loops.offset,
      ...loops.rowDims.slice(1),
      ...loops.rowStrides,
      ...loops.dims.slice(1),
      ...loops.strides,
    ],
    workgroups: linearWorkgroups(Math.ceil((rows * splits) / layout.rowsPerGroup)),
  };
}

function reduceKernel(reduction: Reduction, layout: RowLayout): Kernel {
  const { initial, combine } = COMBINE[reduction];
  const names = [
    'rows',
    'outputs',
    'width',
    'part',
    'offset',
    'rowDim1',
    'rowDim2',
    'rowStride0',
    'rowStride1',
    'rowStride2',
  ];
  return {
    key: `reduce/${reduction}/${layout.lanes}x${layout.rowsPerGroup}`,
    label: `tensor/${reduction}`,
    bindings: [
      { name: 'source', access: 'read', element: 'f32' },
      { name: 'out', access: 'read_write', element: 'f32' },
    ],
    params: [...names, 'dim1', 'dim2', 'stride0', 'stride1', 'stride2'].map((name) => ({ name, type: 'u32' })),
    body: () => `${rowReduceFunction('total', layout, combine)}
fn element(base: u32, j: u32) -> f32 {
  var at = j;
  let j2 = at % params.dim2; at = at / params.dim2;
  let j1 = at % params.dim1; let j0 = at / params.dim1;
  return source[base + j0 * params.stride0 + j1 * params.stride1 + j2 * params.stride2];
}
${rowEntry(layout)}
  let split = row / params.outputs;
  var rest = row % params.outputs;
  let r2 = rest % params.rowDim2; rest = rest / params.rowDim2;
  let r1 = rest % params.rowDim1; let r0 = rest / params.rowDim1;
  let base = params.offset + r0 * params.rowStride0 + r1 * params.rowStride1 + r2 * params.rowStride2;
  let end = min((split + 1u) * params.part, params.width);
  let first = split * params.part + lane;
  var total = ${initial};
  for (var j = first; j < end; j += ${layout.lanes}u) { total = ${combine('total', 'element(base, j)')}; }
  total = reduceRow_total(total, lane, slot);
  if (inside && lane == 0u) { out[row] = total; }
}
`,
  };
}
