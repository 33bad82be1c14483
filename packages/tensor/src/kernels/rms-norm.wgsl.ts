import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, type KernelBinding, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     r = 1 / sqrt(mean(x^2) + eps);  y = x * r * w                                (forward)
 *          dx = r * (w * dy) - x * r^3 / D * sum(w * dy * x) (+ extra)                  (backward, input)
 *          dw_d = sum over rows of dy_d * x_d * r                                       (backward, weight)
 * Layout   x, y, dy, dx, extra [N, D] contiguous, in vec4s where D allows; w [D]; r [N]; sums [parts, D].
 * Dispatch rows are shared by LANES threads. The backward kernel gives a workgroup a stretch of rows: its
 *          threads first take rows (dx), then columns (the stretch's share of dw); the second half reads
 *          nothing that the first wrote, so there is no barrier between them. A last launch adds the shares up.
 * Memory   forward 2 reads + 1 write of [N, D]; backward 3 reads of x and dy (two meet the cache) + 1 write.
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

/** What a backward launch computes. */
export interface RmsNormGradientSpec {
  readonly rows: number;
  readonly width: number;
  /** Gradient by the input. */
  readonly input: boolean;
  /** Adds a gradient that the input already has from elsewhere. */
  readonly extra: boolean;
  /** Shares of the gradient by the weight. */
  readonly weight: boolean;
}

/** Most stretches of rows; each is a workgroup. */
const MAX_PARTS = 128;

function backwardLayout(rows: number, width: number, adapterClass: AdapterClass) {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const wanted = Math.max(layout.rowsPerGroup, 8, Math.ceil(rows / MAX_PARTS));
  return { layout, rowsPerPart: Math.ceil(wanted / layout.rowsPerGroup) * layout.rowsPerGroup };
}

/** How many stretches of rows the backward launch works in: the first size of `sums`. */
export function rmsNormParts(rows: number, width: number, adapterClass: AdapterClass): number {
  return Math.ceil(rows / backwardLayout(rows, width, adapterClass).rowsPerPart);
}

/** Bindings: x, r, dy, [w, [extra,] dx,] [sums]. */
export function planRmsNormGradient(spec: RmsNormGradientSpec, adapterClass: AdapterClass): LaunchPlan {
  const { rows, width, input, extra, weight } = spec;
  const { layout, rowsPerPart } = backwardLayout(rows, width, adapterClass);
  const vec = vectorOf(width);
  const element = elementOf(vec);
  const threads = layout.lanes * layout.rowsPerGroup;
  const columns = `for (var j = lane; j < params.width; j += ${layout.lanes}u)`;
  // The loop runs equally often in every thread of the workgroup: the sums meet at barriers.
  const byInput = `
  for (var tile = first; tile < last; tile += ${layout.rowsPerGroup}u) {
    let unclamped = tile + slot;
    let row = min(unclamped, params.rows - 1u);
    let base = row * params.width;
    var projection = ${element}();
    ${columns} { projection += w[j] * dy[base + j] * x[base + j]; }
    let total = reduceRow_sum(${folded(vec, 'projection')}, lane, slot);
    let scale = r[row];
    let shrink = scale * scale * scale * total / f32(params.width * ${vec}u);
    if (unclamped < last) {
      ${columns} { dx[base + j] = scale * w[j] * dy[base + j] - x[base + j] * shrink${extra ? ' + extra[base + j]' : ''}; }
    }
  }`;
  const byWeight = `
  for (var j = thread; j < params.width; j += ${threads}u) {
    var total = ${element}();
    for (var row = first; row < last; row++) { total += dy[row * params.width + j] * x[row * params.width + j] * r[row]; }
    sums[index * params.width + j] = total;
  }`;
  return {
    kernel: {
      key: `rms-norm-gradient/${vec}/${input}/${extra}/${weight}/${layout.lanes}x${layout.rowsPerGroup}`,
      label: 'tensor/rms-norm/gradient',
      bindings: [
        read('x', element),
        read('r', 'f32'),
        read('dy', element),
        ...(input ? [read('w', element), ...(extra ? [read('extra', element)] : []), write('dx', element)] : []),
        ...(weight ? [write('sums', element)] : []),
      ],
      params: ['rows', 'width', 'rowsPerPart'].map((name) => ({ name, type: 'u32' })),
      body: () => `${input ? rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`) : ''}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let index = group.x;
  let first = index * params.rowsPerPart;
  let last = min(first + params.rowsPerPart, params.rows);
  let lane = thread % ${layout.lanes}u;
  let slot = thread / ${layout.lanes}u;${input ? byInput : ''}${weight ? byWeight : ''}
}
`,
    },
    params: [rows, width / vec, rowsPerPart],
    workgroups: [rmsNormParts(rows, width, adapterClass), 1, 1],
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
