import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     r = 1 / sqrt(mean(x^2) + eps);  y = x * r * w                                (forward)
 *          dx = r * (w * dy) - x * r^3 / D * sum(w * dy * x)                            (backward, input)
 *          dw_d = sum over rows of dy_d * x_d * r                                       (backward, weight)
 * Layout   x, y, dy, dx [N, D] contiguous; w [D]; r [N].
 * Dispatch rows are shared by LANES threads; the weight gradient has a thread a column and splits the
 *          rows into parts that a sum over the parts finishes.
 * Memory   forward 2 reads + 1 write of [N, D]; input gradient 4 reads + 1 write; weight gradient 2 reads.
 * Source   Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
 */

/** Bindings: x, w, y, r. */
export function planRmsNorm(rows: number, width: number, eps: number, adapterClass: AdapterClass): LaunchPlan {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const kernel: Kernel = {
    key: `rms-norm/${layout.lanes}x${layout.rowsPerGroup}`,
    label: 'tensor/rms-norm',
    bindings: [
      { name: 'x', access: 'read', element: 'f32' },
      { name: 'w', access: 'read', element: 'f32' },
      { name: 'y', access: 'read_write', element: 'f32' },
      { name: 'r', access: 'read_write', element: 'f32' },
    ],
    params: [
      { name: 'rows', type: 'u32' },
      { name: 'width', type: 'u32' },
      { name: 'eps', type: 'f32' },
    ],
    body: () => `${rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`)}
${rowEntry(layout)}
  let base = row * params.width;
  var squares = 0.0;
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { squares += x[base + j] * x[base + j]; }
  squares = reduceRow_sum(squares, lane, slot);
  if (!inside) { return; }
  let scale = 1.0 / sqrt(squares / f32(params.width) + params.eps);
  if (lane == 0u) { r[row] = scale; }
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { y[base + j] = x[base + j] * scale * w[j]; }
}
`,
  };
  return { kernel, params: [rows, width, eps], workgroups: linearWorkgroups(Math.ceil(rows / layout.rowsPerGroup)) };
}

/** Bindings: x, w, r, dy, dx. */
export function planRmsNormInputGradient(rows: number, width: number, adapterClass: AdapterClass): LaunchPlan {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const kernel: Kernel = {
    key: `rms-norm-dx/${layout.lanes}x${layout.rowsPerGroup}`,
    label: 'tensor/rms-norm/dx',
    bindings: [
      { name: 'x', access: 'read', element: 'f32' },
      { name: 'w', access: 'read', element: 'f32' },
      { name: 'r', access: 'read', element: 'f32' },
      { name: 'dy', access: 'read', element: 'f32' },
      { name: 'dx', access: 'read_write', element: 'f32' },
    ],
    params: ['rows', 'width'].map((name) => ({ name, type: 'u32' })),
    body: () => `${rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`)}
${rowEntry(layout)}
  let base = row * params.width;
  var projection = 0.0;
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { projection += w[j] * dy[base + j] * x[base + j]; }
  projection = reduceRow_sum(projection, lane, slot);
  if (!inside) { return; }
  let scale = r[row];
  let shrink = scale * scale * scale * projection / f32(params.width);
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { dx[base + j] = scale * w[j] * dy[base + j] - x[base + j] * shrink; }
}
`,
  };
  return { kernel, params: [rows, width], workgroups: linearWorkgroups(Math.ceil(rows / layout.rowsPerGroup)) };
}

/** Weight gradients [parts, D]; sum them over the parts. Bindings: x, r, dy, sums. */
export function planRmsNormWeightGradient(rows: number, width: number, parts: number): LaunchPlan {
  const kernel: Kernel = {
    key: 'rms-norm-dw',
    label: 'tensor/rms-norm/dw',
    bindings: [
      { name: 'x', access: 'read', element: 'f32' },
      { name: 'r', access: 'read', element: 'f32' },
      { name: 'dy', access: 'read', element: 'f32' },
      { name: 'sums', access: 'read_write', element: 'f32' },
    ],
    params: ['rows', 'width', 'parts', 'rowsPerPart'].map((name) => ({ name, type: 'u32' })),
    body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.parts * params.width) { return; }
  let column = i % params.width;
  let first = (i / params.width) * params.rowsPerPart;
  let last = min(first + params.rowsPerPart, params.rows);
  var total = 0.0;
  for (var row = first; row < last; row++) { total += dy[row * params.width + column] * x[row * params.width + column] * r[row]; }
  sums[i] = total;
}
`,
  };
  return {
    kernel,
    params: [rows, width, parts, Math.ceil(rows / parts)],
    workgroups: linearWorkgroups(Math.ceil((parts * width) / 64)),
  };
}
