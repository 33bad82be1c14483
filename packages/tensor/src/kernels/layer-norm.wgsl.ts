import type { AdapterClass } from '../gpu/adapter.ts';
import { type KernelBinding, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     m = mean(x);  r = 1 / sqrt(mean((x - m)^2) + eps);  h = (x - m) r;  y = h * gain + bias    (forward)
 *          with g = dy * gain:  dx = r (g - mean(g) - h mean(g h)) (+ extra)                           (backward)
 *          dgain_d = sum over rows of dy_d h_d;  dbias_d = sum over rows of dy_d
 * Layout   x, y, dy, dx, extra [N, D] contiguous, in vec4s where D allows; gain, bias [D]; mean, r [N].
 *          sums [parts, 2, D]: for a stretch of rows each, the shares of dgain and of dbias.
 * Dispatch rows are shared by LANES threads. The backward kernel gives a workgroup a stretch of rows: its
 *          threads first take rows (dx), then columns (dgain, dbias); the second half reads nothing that the
 *          first wrote, so there is no barrier between them. A last launch adds the parts up.
 * Memory   forward 3 reads (two meet the cache) + 1 write of [N, D]; backward 3 reads of x and dy + 1 write.
 * Numerics f32; the variance is a second sweep over x - m, so nothing cancels, and that sweep also finds what
 *          rounding left of the mean, which matters where rows lie far from zero.
 * Source   Ba, Kiros and Hinton, "Layer normalization", 2016.
 */

type Vector = 1 | 4;

const vectorOf = (width: number): Vector => (width % 4 === 0 ? 4 : 1);
const elementOf = (vec: Vector): string => (vec === 4 ? 'vec4<f32>' : 'f32');
/** The sum over the components of a value. */
const folded = (vec: Vector, value: string): string => (vec === 4 ? `dot(${value}, vec4<f32>(1.0))` : value);
const read = (name: string, element: string): KernelBinding => ({ name, access: 'read', element });
const write = (name: string, element: string): KernelBinding => ({ name, access: 'read_write', element });
const plus = (a: string, b: string): string => `${a} + ${b}`;

/** Bindings: x, gain, bias, y, mean, r. */
export function planLayerNorm(rows: number, width: number, eps: number, adapterClass: AdapterClass): LaunchPlan {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const vec = vectorOf(width);
  const element = elementOf(vec);
  const columns = `for (var j = lane; j < params.width; j += ${layout.lanes}u)`;
  return {
    kernel: {
      key: `layer-norm/${vec}/${layout.lanes}x${layout.rowsPerGroup}`,
      label: 'tensor/layer-norm',
      bindings: [
        read('x', element),
        read('gain', element),
        read('bias', element),
        write('y', element),
        write('mean', 'f32'),
        write('r', 'f32'),
      ],
      params: [
        { name: 'rows', type: 'u32' },
        { name: 'width', type: 'u32' },
        { name: 'eps', type: 'f32' },
      ],
      body: () => `${rowReduceFunction('sum', layout, plus)}
${rowEntry(layout)}
  let base = row * params.width;
  let share = 1.0 / f32(params.width * ${vec}u);
  var values = ${element}();
  ${columns} { values += x[base + j]; }
  let centre = reduceRow_sum(${folded(vec, 'values')}, lane, slot) * share;
  var squares = ${element}();
  var rests = ${element}();
  ${columns} { let d = x[base + j] - centre; squares += d * d; rests += d; }
  // What rounding left of the mean.
  let rest = reduceRow_sum(${folded(vec, 'rests')}, lane, slot) * share;
  let variance = reduceRow_sum(${folded(vec, 'squares')}, lane, slot) * share - rest * rest;
  if (!inside) { return; }
  let scale = 1.0 / sqrt(variance + params.eps);
  if (lane == 0u) { mean[row] = centre + rest; r[row] = scale; }
  ${columns} { y[base + j] = (x[base + j] - centre - rest) * scale * gain[j] + bias[j]; }
}
`,
    },
    params: [rows, width / vec, eps],
    workgroups: linearWorkgroups(Math.ceil(rows / layout.rowsPerGroup)),
  };
}

/** What a backward launch computes. */
export interface LayerNormGradientSpec {
  readonly rows: number;
  readonly width: number;
  /** Gradient by the input. */
  readonly input: boolean;
  /** Adds a gradient that the input already has from elsewhere. */
  readonly extra: boolean;
  /** Shares of the gradients by gain and bias. */
  readonly affine: boolean;
}

/** Most stretches of rows; each is a workgroup. */
const MAX_PARTS = 128;

/** How many stretches of rows the backward launch works in: the first size of `sums`. */
export function layerNormParts(rows: number, width: number, adapterClass: AdapterClass): number {
  const { rowsPerPart } = backwardLayout(rows, width, adapterClass);
  return Math.ceil(rows / rowsPerPart);
}

function backwardLayout(rows: number, width: number, adapterClass: AdapterClass) {
  const layout = chooseRowLayout(rows, width, adapterClass);
  const least = Math.max(layout.rowsPerGroup, 8);
  const wanted = Math.max(least, Math.ceil(rows / MAX_PARTS));
  return { layout, rowsPerPart: Math.ceil(wanted / layout.rowsPerGroup) * layout.rowsPerGroup };
}

/** Bindings: x, mean, r, dy, [gain, [extra,] dx,] [sums]. */
export function planLayerNormGradient(spec: LayerNormGradientSpec, adapterClass: AdapterClass): LaunchPlan {
  const { rows, width, input, extra, affine } = spec;
  const { layout, rowsPerPart } = backwardLayout(rows, width, adapterClass);
  const vec = vectorOf(width);
  const element = elementOf(vec);
  const threads = layout.lanes * layout.rowsPerGroup;
  const columns = `for (var j = lane; j < params.width; j += ${layout.lanes}u)`;
  // The loop runs equally often in every thread of the workgroup: the sums meet at barriers.
  const byInput = `
  for (var tile = first; tile < last; tile += ${layout.rowsPerGroup}u) {
    let unclamped = tile + thread / ${layout.lanes}u;
    let row = min(unclamped, params.rows - 1u);
    let base = row * params.width;
    let centre = mean[row];
    let scale = r[row];
    var plain = ${element}();
    var projected = ${element}();
    ${columns} {
      let g = dy[base + j] * gain[j];
      plain += g;
      projected += g * (x[base + j] - centre);
    }
    let offset = reduceRow_sum(${folded(vec, 'plain')}, lane, slot) * share;
    let slope = reduceRow_sum(${folded(vec, 'projected')}, lane, slot) * share * scale * scale;
    if (unclamped < last) {
      ${columns} {
        dx[base + j] = scale * (dy[base + j] * gain[j] - offset - (x[base + j] - centre) * slope)${extra ? ' + extra[base + j]' : ''};
      }
    }
  }`;
  const byAffine = `
  for (var j = thread; j < params.width; j += ${threads}u) {
    var byGain = ${element}();
    var byBias = ${element}();
    for (var row = first; row < last; row++) {
      let d = dy[row * params.width + j];
      byBias += d;
      byGain += d * ((x[row * params.width + j] - mean[row]) * r[row]);
    }
    sums[(2u * index) * params.width + j] = byGain;
    sums[(2u * index + 1u) * params.width + j] = byBias;
  }`;
  return {
    kernel: {
      key: `layer-norm-gradient/${vec}/${input}/${extra}/${affine}/${layout.lanes}x${layout.rowsPerGroup}`,
      label: 'tensor/layer-norm/gradient',
      bindings: [
        read('x', element),
        read('mean', 'f32'),
        read('r', 'f32'),
        read('dy', element),
        ...(input ? [read('gain', element), ...(extra ? [read('extra', element)] : []), write('dx', element)] : []),
        ...(affine ? [write('sums', element)] : []),
      ],
      params: ['rows', 'width', 'rowsPerPart'].map((name) => ({ name, type: 'u32' })),
      body: () => `${input ? rowReduceFunction('sum', layout, plus) : ''}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let index = group.x + group.y * groups.x;
  let first = index * params.rowsPerPart;
  let last = min(first + params.rowsPerPart, params.rows);
  let lane = thread % ${layout.lanes}u;
  let slot = thread / ${layout.lanes}u;
  let share = 1.0 / f32(params.width * ${vec}u);${input ? byInput : ''}${affine ? byAffine : ''}
}
`,
    },
    params: [rows, width / vec, rowsPerPart],
    // At most MAX_PARTS workgroups, so that they lie in one dimension and none is past the end.
    workgroups: [Math.ceil(rows / rowsPerPart), 1, 1],
  };
}

/** Where a gradient of gain or bias goes: written, or added to what stands there. */
export interface LayerNormTotals {
  readonly keepGain: boolean;
  readonly keepBias: boolean;
}

/** Adds up the shares of all parts. Bindings: sums, dgain, dbias. */
export function planLayerNormTotals(parts: number, width: number, { keepGain, keepBias }: LayerNormTotals): LaunchPlan {
  return {
    kernel: {
      key: 'layer-norm-totals',
      label: 'tensor/layer-norm/totals',
      bindings: [read('sums', 'f32'), write('dgain', 'f32'), write('dbias', 'f32')],
      params: ['width', 'parts', 'keepGain', 'keepBias'].map((name) => ({ name, type: 'u32' })),
      body: () => `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let j = id.x;
  if (j >= params.width) { return; }
  var byGain = 0.0;
  var byBias = 0.0;
  for (var part = 0u; part < params.parts; part++) {
    byGain += sums[(2u * part) * params.width + j];
    byBias += sums[(2u * part + 1u) * params.width + j];
  }
  if (params.keepGain == 1u) { byGain += dgain[j]; }
  if (params.keepBias == 1u) { byBias += dbias[j]; }
  dgain[j] = byGain;
  dbias[j] = byBias;
}
`,
    },
    params: [width, parts, Number(keepGain), Number(keepBias)],
    workgroups: [Math.ceil(width / 64), 1, 1],
  };
}
