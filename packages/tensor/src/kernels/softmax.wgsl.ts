import type { DType } from '../dtype.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, type RowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';
import { type LoadMode, loadMode, type RowAccess, rowAccess, type StridedRows } from './lib/strided-rows.wgsl.ts';

/*
 * Math     softmax: y = exp(x - max) / sum exp(x - max);  log-softmax: y = x - max - log sum exp(x - max)
 * Layout   rows of a strided view, see lib/strided-rows.wgsl.ts; y [outer, width, inner], contiguous, in vec4s
 *          of a row or of four rows where both sides allow.
 * Dispatch LANES threads a row, three sweeps (maximum, sum, write); a thread for four rows where a load
 *          holds a column of four.
 * Memory   3 reads and 1 write of the row; the second and third reads meet the cache.
 * Numerics f32; the maximum is subtracted, so no overflow. A row of -inf gives 0 (softmax); a NaN or +inf
 *          makes its whole row NaN.
 */

export interface SoftmaxSpec {
  readonly rows: StridedRows;
  readonly dtype: DType;
  /** Elements of the axis, and of the axes after it. */
  readonly width: number;
  readonly inner: number;
  readonly log: boolean;
}

/** The widest loads that the output can be written in too. */
function modeOf({ rows, inner }: SoftmaxSpec): LoadMode {
  const mode = loadMode(rows);
  return (mode === 'inner' && inner === 1) || (mode === 'outer' && inner % 4 === 0) ? mode : 'single';
}

/** Bindings: x, y. */
export function planSoftmax(spec: SoftmaxSpec, adapterClass: AdapterClass): LaunchPlan {
  const access = rowAccess(spec.rows, spec.dtype, modeOf(spec));
  const layout: RowLayout =
    access.mode === 'outer'
      ? { lanes: 1, rowsPerGroup: adapterClass === 'cpu' ? 16 : 64 }
      : chooseRowLayout(access.rows, access.width, adapterClass);
  return {
    kernel: {
      key: `softmax/${spec.log ? 'log' : 'plain'}/${access.key}/${layout.lanes}x${layout.rowsPerGroup}`,
      label: spec.log ? 'tensor/log-softmax' : 'tensor/softmax',
      bindings: [
        { name: 'x', access: 'read', element: access.element },
        { name: 'y', access: 'read_write', element: access.mode === 'single' ? 'f32' : 'vec4<f32>' },
      ],
      params: [...['rows', 'width', 'inner'].map((name) => ({ name, type: 'u32' as const })), ...access.params],
      body: () => softmaxBody(access, layout, spec.log),
    },
    params: [access.rows, access.width, access.mode === 'outer' ? spec.inner / 4 : spec.inner, ...access.values],
    workgroups: linearWorkgroups(Math.ceil(access.rows / layout.rowsPerGroup)),
  };
}

function softmaxBody(access: RowAccess, layout: RowLayout, log: boolean): string {
  // What a load holds, and what belongs to a row: of one row, or of four side by side.
  const loaded = access.mode === 'single' ? 'f32' : 'vec4f';
  const perRow = access.mode === 'outer' ? 'vec4f' : 'f32';
  const folded = (name: string, fold: (a: string, b: string) => string): string =>
    access.mode === 'inner' ? fold(fold(`${name}.x`, `${name}.y`), fold(`${name}.z`, `${name}.w`)) : name;
  const largest = (a: string, b: string): string => `max(${a}, ${b})`;
  const plus = (a: string, b: string): string => `(${a} + ${b})`;
  const columns = `for (var j = lane; j < params.width; j += ${layout.lanes}u)`;
  const value = access.load('x', 'base + column_at(j)');
  return `${access.functions}
${rowReduceFunction('max', layout, largest, perRow)}${rowReduceFunction('sum', layout, plus, perRow)}
${rowEntry(layout)}
  let base = row_base(row);
  let to = (row / params.inner) * params.width * params.inner + row % params.inner;
  var tops = ${loaded}(-3.4028234663852886e38);
  ${columns} { tops = max(tops, ${value}); }
  let top = reduceRow_max(${folded('tops', largest)}, lane, slot);
  var totals = ${loaded}();
  ${columns} { totals += exp(${value} - top); }
  let total = reduceRow_sum(${folded('totals', plus)}, lane, slot);
  if (!inside) { return; }
  ${
    log
      ? 'let shift = top + log(total);'
      : // By the bits, as a compiler may take a comparison with NaN as it likes.
        `let scale = select(1.0 / total, ${perRow}(), bitcast<${perRow === 'f32' ? 'u32' : 'vec4u'}>(total) == ${perRow === 'f32' ? '0u' : 'vec4u()'});`
  }
  ${columns} { y[to + j * params.inner] = ${log ? `${value} - shift` : `exp(${value} - top) * scale`}; }
}
`;
}
