import { type DType, isFloat } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import { stridedRows } from '../kernels/lib/strided-rows.wgsl.ts';
import { planSort } from '../kernels/sort.wgsl.ts';
import { applyOp, type OpDef, type RefArray } from '../op.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

export interface SortAttrs {
  /** Resolved. */
  readonly axis: number;
  /** How many of each row to keep, from the front; all of them by default. */
  readonly k?: number;
  readonly descending: boolean;
}

/** Elements in order and where they came from. */
export interface Sorted {
  readonly values: Tensor;
  /** u32 positions along the axis. */
  readonly indices: Tensor;
}

const ALL: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'];

function launchSort(x: Tensor, { axis, k = x.shape[axis]!, descending }: SortAttrs, shape: Shape): Tensor[] {
  const { device, dtype } = x;
  const isRounded = isFloat(dtype) && dtype !== 'f32';
  const values = Tensor.empty(device, shape, isRounded ? 'f32' : dtype, 'tensor/sort/values');
  const indices = Tensor.empty(device, shape, 'u32', 'tensor/sort/indices');
  if (values.size > 0) {
    const [width, inner] = [x.shape[axis]!, sizeOf(x.shape.slice(axis + 1))];
    const spec = { rows: stridedRows(x, [axis]), dtype, width, inner, descending, k };
    let pairs: Tensor | undefined;
    for (const step of planSort(spec, device.adapterClass)) {
      const sorted =
        step.pairs === undefined ? undefined : Tensor.empty(device, [2 * step.pairs], 'u32', 'tensor/sort');
      const bindings = [
        ...(step.readsSource ? [x.wholeBinding()] : []),
        ...(step.readsPairs ? [pairs!.binding()] : []),
        ...(sorted ? [sorted.binding()] : [values.binding(), indices.binding()]),
      ];
      device.dispatch(step.launch.kernel, bindings, step.launch.params, step.launch.workgroups);
      pairs?.dispose();
      pairs = sorted;
    }
  }
  if (!isRounded) return [values, indices];
  const rounded = launchElementwise({ name: 'cast', expr: 'x0' }, [values], { shape, dtype });
  values.dispose();
  return [rounded, indices];
}

function sortReference(x: RefArray, { axis, k = x.shape[axis]!, descending }: SortAttrs): RefArray[] {
  const width = x.shape[axis]!;
  const inner = sizeOf(x.shape.slice(axis + 1));
  const shape = x.shape.map((dim, i) => (i === axis ? k : dim));
  const values = new Float64Array(sizeOf(shape));
  const indices = new Float64Array(sizeOf(shape));
  // NaN compares false both ways; it goes last, in the order of the columns.
  const compare = (a: number, b: number): number =>
    Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || (a === b ? 0 : a < b === descending ? 1 : -1);
  for (let row = 0; row < values.length / Math.max(1, k); row++) {
    const [outer, at] = [Math.floor(row / inner), row % inner];
    const element = (j: number): number => x.data[(outer * width + j) * inner + at]!;
    const order = Array.from({ length: width }, (_, j) => j).sort((a, b) => compare(element(a), element(b)) || a - b);
    for (let p = 0; p < k; p++) {
      values[(outer * k + p) * inner + at] = element(order[p]!);
      indices[(outer * k + p) * inner + at] = order[p]!;
    }
  }
  return [refArray(shape, values, x.dtype), refArray(shape, indices, 'u32')];
}

/** Steps of 1/128 in a random order, so that no two elements are near enough to pass each other in a difference. */
function apartArray(seed: number, shape: Shape): RefArray {
  const { data } = normalArray(seed, shape);
  const apart = new Float64Array(data.length);
  Array.from(data.keys())
    .sort((a, b) => data[a]! - data[b]!)
    .forEach((i, rank) => {
      apart[i] = (rank - data.length / 2) / 128;
    });
  return refArray(shape, apart);
}

function sortDef(name: 'sort' | 'topK'): OpDef<SortAttrs> {
  const sample = (label: string, seed: number, shape: Shape, attrs: SortAttrs) => ({
    name: label,
    inputs: [apartArray(seed, shape)],
    attrs,
  });
  return {
    name,
    doc:
      name === 'sort'
        ? 'elements in order along an axis and their u32 positions; stable, NaN last; the gradient goes back to where each came from'
        : 'the k largest (smallest) elements along an axis in order and their u32 positions; stable, NaN last',
    dtypes: ALL,
    tolerance: 'exact',
    differentiableOutputs: 1,
    infer: ([x], { axis, k }) => {
      const dim = x!.shape[axis];
      if (dim === undefined || (k !== undefined && !(Number.isInteger(k) && k >= 0 && k <= dim))) {
        throw new ToolError('shape', {
          op: name,
          expected: k === undefined ? `axis ${axis}` : `0 <= k <= ${dim ?? 'size'} along axis ${axis}`,
          got: `${formatShape(x!.shape)}${k === undefined ? '' : ` and k ${k}`}`,
        });
      }
      const shape = x!.shape.map((size, i) => (i === axis && k !== undefined ? k : size));
      return [
        { shape, dtype: x!.dtype },
        { shape, dtype: 'u32' },
      ];
    },
    run: ([x], [out], attrs) => launchSort(x!, attrs, out!.shape),
    reference: ([x], attrs) => sortReference(x!, attrs),
    samples: () =>
      name === 'sort'
        ? [
            sample('rows', 821, [5, 33], { axis: 1, descending: false }),
            sample('columns, descending', 822, [20, 6], { axis: 0, descending: true }),
            sample('middle', 823, [3, 7, 5], { axis: 1, descending: false }),
            sample('in several blocks', 824, [2, 1100], { axis: 1, descending: true }),
            sample('in five thousand', 825, [5003], { axis: 0, descending: false }),
            sample('pairs', 826, [70, 2], { axis: 1, descending: false }),
            sample('one each', 827, [4, 1], { axis: 1, descending: true }),
            sample('nothing', 828, [3, 0], { axis: 1, descending: false }),
          ]
        : [
            sample('rows', 831, [5, 33], { axis: 1, k: 4, descending: true }),
            sample('columns, smallest', 832, [20, 6], { axis: 0, k: 3, descending: false }),
            sample('all', 833, [3, 7], { axis: 1, k: 7, descending: true }),
            sample('in rounds of blocks', 834, [2, 5003], { axis: 1, k: 20, descending: true }),
            sample('more than half a block', 835, [2, 1500], { axis: 1, k: 700, descending: false }),
            sample('one', 836, [9, 40], { axis: 1, k: 1, descending: true }),
            sample('none', 837, [3, 5], { axis: 1, k: 0, descending: true }),
          ],
    fuzz: (draw) => {
      const shape = draw.shape(1 + draw.below(3));
      const axis = draw.below(shape.length);
      const k = name === 'topK' ? { k: draw.between(0, shape[axis]!) } : {};
      // Halves, so that there are many ties.
      const inputs = [draw.normals(shape, (value) => Math.round(2 * value) / 2)];
      return { name: 'drawn', inputs, attrs: { axis, descending: draw.oneIn(2), ...k } };
    },
    errors: () => [
      name === 'sort'
        ? {
            name: 'an axis that is not there',
            inputs: [{ shape: [3], dtype: 'f32' }],
            attrs: { axis: 1, descending: false },
            code: 'shape',
          }
        : {
            name: 'more than there are',
            inputs: [{ shape: [2, 3], dtype: 'f32' }],
            attrs: { axis: 1, k: 4, descending: true },
            code: 'shape',
          },
    ],
  };
}

export const sortOp: OpDef<SortAttrs> = sortDef('sort');
export const topKOp: OpDef<SortAttrs> = sortDef('topK');

/** Along which axis to sort, and in which order; ascending by default. */
export interface SortOptions {
  /** Default: the last axis. */
  readonly axis?: number;
  readonly descending?: boolean;
}

/** Elements in order along an axis, with their positions. Stable in both directions; NaN comes last. */
export function sort(x: Tensor, { axis = -1, descending = false }: SortOptions = {}): Sorted {
  const [values, indices] = applyOp(sortOp, [x], { axis: normalizeAxis('sort', axis, x.rank), descending });
  return { values: values!, indices: indices! };
}

/** u32 positions that put the elements in order along an axis: the indices of `sort`. */
export function argsort(x: Tensor, options: SortOptions = {}): Tensor {
  return sort(x, options).indices;
}

/** Along which axis to choose, and which end. */
export interface TopKOptions {
  /** Default: the last axis. */
  readonly axis?: number;
  /** The smallest elements, ascending, in place of the largest, descending. */
  readonly smallest?: boolean;
}

/** The k largest elements along an axis, in order, with their positions: the front of a sort. NaN comes last. */
export function topK(x: Tensor, k: number, { axis = -1, smallest = false }: TopKOptions = {}): Sorted {
  const attrs = { axis: normalizeAxis('topK', axis, x.rank), k, descending: !smallest };
  const [values, indices] = applyOp(topKOp, [x], attrs);
  return { values: values!, indices: indices! };
}
