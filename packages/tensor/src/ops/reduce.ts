import { ToolError } from '../errors.ts';
import { planReduce, type ReduceLoops, type Reduction } from '../kernels/reduce.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { collapseLoops, contiguousStrides, formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { affine } from './affine.ts';
import { fill } from './in-place.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

export interface ReduceAttrs {
  /** Axes to reduce, resolved and ascending. */
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

function outputShape(shape: Shape, { axes, keepDims }: ReduceAttrs): number[] {
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
}

/** Up to three merged dimensions with their strides, padded at the front with size 1; undefined if more are needed. */
function threeDims(
  shape: Shape,
  strides: readonly number[],
): { dims: [number, number, number]; strides: [number, number, number] } | undefined {
  const nest = collapseLoops(shape, [strides]);
  if (nest.dims.length > 3) return undefined;
  const pad = 3 - nest.dims.length;
  return {
    dims: [...new Array<number>(pad).fill(1), ...nest.dims] as [number, number, number],
    strides: [...new Array<number>(pad).fill(0), ...nest.strides[0]!] as [number, number, number],
  };
}

function loopsOf(x: Tensor, axes: readonly number[]): ReduceLoops | undefined {
  const pick = (values: readonly number[], reduced: boolean): number[] =>
    values.filter((_, axis) => axes.includes(axis) === reduced);
  const rows = threeDims(pick(x.shape, false), pick(x.strides, false));
  const columns = threeDims(pick(x.shape, true), pick(x.strides, true));
  if (rows === undefined || columns === undefined) return undefined;
  return {
    rowDims: rows.dims,
    rowStrides: rows.strides,
    dims: columns.dims,
    strides: columns.strides,
    offset: x.offset,
  };
}

function launchReduce(reduction: Reduction, x: Tensor, attrs: ReduceAttrs, shape: Shape): Tensor {
  const device = x.device;
  const label = `tensor/${reduction}`;
  const out = Tensor.empty(device, shape, 'f32', label);
  if (out.size === 0) return out;
  if (x.size === 0) {
    fill(out, 0);
    return out;
  }
  const direct = loopsOf(x, attrs.axes);
  const compact = direct === undefined ? launchElementwise({ name: 'copy', expr: 'x0' }, [x], x) : undefined;
  const loops = direct ?? loopsOf(compact!, attrs.axes);
  if (loops === undefined) {
    throw new ToolError('shape', {
      op: label,
      expected: 'at most three separate groups of axes',
      got: `axes ${formatShape(attrs.axes)}`,
    });
  }
  const rows = out.size;
  const width = x.size / rows;
  // Few long rows would leave most of the device idle: reduce parts of rows first.
  const splits = rows < 256 && width >= 2048 ? Math.min(64, Math.ceil(width / 512)) : 1;
  const source = (compact ?? x).wholeBinding();
  const first = planReduce(reduction, loops, splits, device.adapterClass);
  if (splits === 1) {
    device.dispatch(first.kernel, [source, out.binding()], first.params, first.workgroups);
  } else {
    const parts = Tensor.empty(device, [splits, rows], 'f32', `${label}/parts`);
    device.dispatch(first.kernel, [source, parts.binding()], first.params, first.workgroups);
    const second = planReduce(
      reduction,
      { rowDims: [1, 1, rows], rowStrides: [0, 0, 1], dims: [1, 1, splits], strides: [0, 0, rows], offset: 0 },
      1,
      device.adapterClass,
    );
    device.dispatch(second.kernel, [parts.binding(), out.binding()], second.params, second.workgroups);
    parts.dispose();
  }
  compact?.dispose();
  return out;
}

const FOLD: Record<Reduction, (values: readonly number[]) => number> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};

function reduceDef(reduction: Reduction): OpDef<ReduceAttrs> {
  return {
    name: reduction,
    doc:
      reduction === 'sum'
        ? 'sum over axes'
        : `${reduction} over axes; the gradient goes to every element that attains it, shared equally`,
    infer: ([x], attrs) => {
      if (new Set(attrs.axes).size !== attrs.axes.length) {
        throw new ToolError('shape', { op: reduction, expected: 'each axis once', got: formatShape(attrs.axes) });
      }
      if (reduction !== 'sum' && sizeOf(x!.shape) === 0 && sizeOf(outputShape(x!.shape, attrs)) > 0) {
        throw new ToolError('shape', {
          op: reduction,
          expected: 'at least one element to reduce',
          got: formatShape(x!.shape),
        });
      }
      return [{ shape: outputShape(x!.shape, attrs), dtype: 'f32' }];
    },
    run: ([x], [out], attrs) => [launchReduce(reduction, x!, attrs, out!.shape)],
    reference: ([x], attrs) => {
      const shape = outputShape(x!.shape, { ...attrs, keepDims: true });
      const strides = contiguousStrides(x!.shape);
      const outStrides = contiguousStrides(shape);
      const groups: number[][] = Array.from({ length: sizeOf(shape) }, () => []);
      x!.data.forEach((value, i) => {
        let out = 0;
        x!.shape.forEach((dim, axis) => {
          if (!attrs.axes.includes(axis)) out += (Math.floor(i / strides[axis]!) % dim) * outStrides[axis]!;
        });
        groups[out]!.push(value);
      });
      return [refArray(outputShape(x!.shape, attrs), groups.map(FOLD[reduction]))];
    },
    samples: () => [
      { name: 'all', inputs: [normalArray(61, [7, 9])], attrs: { axes: [0, 1], keepDims: false } },
      { name: 'rows', inputs: [normalArray(62, [5, 33])], attrs: { axes: [1], keepDims: true } },
      { name: 'columns', inputs: [normalArray(63, [40, 6])], attrs: { axes: [0], keepDims: false } },
      { name: 'middle', inputs: [normalArray(64, [3, 4, 5])], attrs: { axes: [1], keepDims: false } },
      { name: 'outer and inner', inputs: [normalArray(65, [3, 4, 5])], attrs: { axes: [0, 2], keepDims: true } },
      { name: 'long vector in parts', inputs: [normalArray(66, [5003])], attrs: { axes: [0], keepDims: false } },
      { name: 'many rows', inputs: [normalArray(67, [130, 3])], attrs: { axes: [1], keepDims: false } },
      { name: 'scalar', inputs: [normalArray(68, [])], attrs: { axes: [], keepDims: false } },
    ],
    errors: () =>
      reduction === 'sum'
        ? []
        : [
            {
              name: 'nothing to reduce',
              inputs: [{ shape: [0], dtype: 'f32' }],
              attrs: { axes: [0], keepDims: false },
              code: 'shape',
            },
          ],
  };
}

export const reduceOps: Readonly<Record<Reduction, OpDef<ReduceAttrs>>> = {
  sum: reduceDef('sum'),
  max: reduceDef('max'),
  min: reduceDef('min'),
};

export interface ReduceOptions {
  /** Axes to reduce; all of them by default. */
  readonly axes?: readonly number[];
  readonly keepDims?: boolean;
}

function apply(reduction: Reduction, x: Tensor, options: ReduceOptions): Tensor {
  const axes = (options.axes ?? x.shape.map((_, axis) => axis)).map((axis) => normalizeAxis(reduction, axis, x.rank));
  return applyOp(reduceOps[reduction], [x], {
    axes: [...axes].sort((a, b) => a - b),
    keepDims: options.keepDims ?? false,
  })[0]!;
}

export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply('sum', x, options);
}

export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply('max', x, options);
}

export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply('min', x, options);
}

/** The mean over axes; of nothing it is NaN, as 0 / 0. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const total = sum(x, options);
  return affine(total, total.size / x.size, 0);
}
