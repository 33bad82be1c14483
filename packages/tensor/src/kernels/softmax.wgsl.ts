import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     softmax: y = exp(x - max) / sum exp(x - max);  log-softmax: y = x - max - log sum exp(x - max)
 * Layout   contiguous rows of \`width\`.
 * Dispatch LANES threads a row, three sweeps (maximum, sum, write).
 * Memory   3 reads and 1 write of the row; the second and third reads meet the cache.
 * Numerics f32; the maximum is subtracted, so no overflow. A row whose maximum is -inf gives 0 (softmax).
 */

/** Bindings: x, y (rows x width, contiguous). */
export function planSoftmax(rows: number, width: number, log: boolean, adapterClass: AdapterClass): LaunchPlan {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const kernel: Kernel = {
    key: `softmax/${log ? 'log' : 'plain'}/${layout.lanes}x${layout.rowsPerGroup}`,
    label: log ? 'tensor/log-softmax' : 'tensor/softmax',
    bindings: [
      { name: 'x', access: 'read', element: 'f32' },
      { name: 'y', access: 'read_write', element: 'f32' },
    ],
    params: ['rows', 'width'].map((name) => ({ name, type: 'u32' })),
    body: () => `${rowReduceFunction('max', layout, (a, b) => `max(${a}, ${b})`)}${rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`)}
${rowEntry(layout)}
  let base = row * params.width;
  var top = -3.4028234663852886e38;
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { top = max(top, x[base + j]); }
  top = reduceRow_max(top, lane, slot);
  var total = 0.0;
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { total += exp(x[base + j] - top); }
  total = reduceRow_sum(total, lane, slot);
  if (!inside) { return; }
  ${log ? 'let shift = top + log(total);' : 'let scale = select(0.0, 1.0 / total, total > 0.0);'}
  for (var j = lane; j < params.width; j += ${layout.lanes}u) {
    y[base + j] = ${log ? 'x[base + j] - shift' : 'exp(x[base + j] - top) * scale'};
  }
}
`,
  };
  return { kernel, params: [rows, width], workgroups: linearWorkgroups(Math.ceil(rows / layout.rowsPerGroup)) };
}
