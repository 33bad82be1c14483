import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, type KernelBinding, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     r = 1 / sqrt(mean(x^2) + eps);  y = x * r * w                                (forward)
 *          dx = r * (w * dy) - x * r^3 / D * sum(w * dy * x) (+ extra)                  (backward, input)
 *          dw_d = sum over rows of dy_d * x_d * r                                       (backward, weight)
 * Layout   x, y, dy, dx, extra [N, D] contiguous, in vec4s where D allows; w [D]; r [N].
 * Dispatch rows are shared by LANES threads; the weight gradient has a thread for a column (or four) and
 *          a part of the rows, and a second launch adds the parts up.
 * Memory   forward 2 reads + 1 write of [N, D]; input gradient 4 reads + 1 write; weight gradient 2 reads.
 * Source   Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
 */

type Vector = 1 | 4;

const vectorOf = (width: number): Vector => (width % 4 === 0 ? 4 : 1);
const elementOf = (vec: Vector): string => (vec === 4 ? 'vec4<f32>' : 'f32');
/** The sum over the components of a value. */
const folded = (vec: Vector, value: string): string => (vec === 4 ? `dot(${value}, vec4<f32>(1.0))` : value);
const read = (name: string, element: string): KernelBinding => ({ name, access: 'read', element });
const write = (name: string, element: string): KernelBinding => ({ name, access: 'read_write', element });

/** Bindings: x, w, y, r. */
export function planRmsNorm(rows: number, width: number, eps: number, adapterClass: AdapterClass): LaunchPlan {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const vec = vectorOf(width);
  const element = elementOf(vec);
  const kernel: Kernel = {
    key: `rms-norm/${vec}/${layout.lanes}x${layout.rowsPerGroup}`,
    label: 'tensor/rms-norm',
    bindings: [read('x', element), read('w', element), write('y', element), write('r', 'f32')],
    params: [
      { name: 'rows', type: 'u32' },
      { name: 'width', type: 'u32' },
      { name: 'eps', type: 'f32' },
    ],
    body: () => `${rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`)}
${rowEntry(layout)}
  let base = row * params.width;
  var squares = ${element}();
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { squares += x[base + j] * x[base + j]; }
  let total = reduceRow_sum(${folded(vec, 'squares')}, lane, slot);
  if (!inside) { return; }
  let scale = 1.0 / sqrt(total / f32(params.width * ${vec}u) + params.eps);
  if (lane == 0u) { r[row] = scale; }
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { y[base + j] = x[base + j] * scale * w[j]; }
}
`,
  };
  return {
    kernel,
    params: [rows, width / vec, eps],
    workgroups: linearWorkgroups(Math.ceil(rows / layout.rowsPerGroup)),
  };
}

/** Bindings: x, w, r, dy, [extra,] dx. `extra` is a gradient that x already has from elsewhere. */
export function planRmsNormInputGradient(
  rows: number,
  width: number,
  hasExtra: boolean,
  adapterClass: AdapterClass,
): LaunchPlan {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const vec = vectorOf(width);
  const element = elementOf(vec);
  const kernel: Kernel = {
    key: `rms-norm-dx/${vec}/${hasExtra}/${layout.lanes}x${layout.rowsPerGroup}`,
    label: 'tensor/rms-norm/dx',
    bindings: [
      read('x', element),
      read('w', element),
      read('r', 'f32'),
      read('dy', element),
      ...(hasExtra ? [read('extra', element)] : []),
      write('dx', element),
    ],
    params: ['rows', 'width'].map((name) => ({ name, type: 'u32' })),
    body: () => `${rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`)}
${rowEntry(layout)}
  let base = row * params.width;
  var projection = ${element}();
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { projection += w[j] * dy[base + j] * x[base + j]; }
  let total = reduceRow_sum(${folded(vec, 'projection')}, lane, slot);
  if (!inside) { return; }
  let scale = r[row];
  let shrink = scale * scale * scale * total / f32(params.width * ${vec}u);
  for (var j = lane; j < params.width; j += ${layout.lanes}u) {
    dx[base + j] = scale * w[j] * dy[base + j] - x[base + j] * shrink${hasExtra ? ' + extra[base + j]' : ''};
  }
}
`,
  };
  return { kernel, params: [rows, width / vec], workgroups: linearWorkgroups(Math.ceil(rows / layout.rowsPerGroup)) };
}

/** Weight gradients [parts, D], a part a stretch of rows. Bindings: x, r, dy, sums. */
export function planRmsNormWeightGradient(rows: number, width: number, parts: number): LaunchPlan {
  const vec = vectorOf(width);
  const element = elementOf(vec);
  const kernel: Kernel = {
    key: `rms-norm-dw/${vec}`,
    label: 'tensor/rms-norm/dw',
    bindings: [read('x', element), read('r', 'f32'), read('dy', element), write('sums', element)],
    params: ['rows', 'width', 'parts', 'rowsPerPart'].map((name) => ({ name, type: 'u32' })),
    body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.parts * params.width) { return; }
  let column = i % params.width;
  let first = (i / params.width) * params.rowsPerPart;
  let last = min(first + params.rowsPerPart, params.rows);
  var total = ${element}();
  for (var row = first; row < last; row++) { total += dy[row * params.width + column] * x[row * params.width + column] * r[row]; }
  sums[i] = total;
}
`,
  };
  return {
    kernel,
    params: [rows, width / vec, parts, Math.ceil(rows / parts)],
    workgroups: linearWorkgroups(Math.ceil((parts * width) / vec / 64)),
  };
}

const ADD_PARTS: Kernel = {
  key: 'add-parts',
  label: 'tensor/add-parts',
  bindings: [read('sums', 'f32'), write('out', 'f32')],
  params: ['width', 'parts', 'keep'].map((name) => ({ name, type: 'u32' })),
  body: () => `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.width) { return; }
  var total = 0.0;
  for (var part = 0u; part < params.parts; part++) { total += sums[part * params.width + id.x]; }
  out[id.x] = total + select(0.0, out[id.x], params.keep == 1u);
}
`,
};

/** Adds up parts [parts, D] into out [D], on top of what stands there or instead of it. Bindings: sums, out. */
export function planAddParts(parts: number, width: number, keep: boolean): LaunchPlan {
  return { kernel: ADD_PARTS, params: [width, parts, Number(keep)], workgroups: [Math.ceil(width / 64), 1, 1] };
}
