import { type DType, isFloat } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import { type Accumulation, planCumulative } from '../kernels/cumulative.wgsl.ts';
import { stridedRows } from '../kernels/lib/strided-rows.wgsl.ts';
import { applyOp, type OpDef, type TensorSpec } from '../op.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

export interface CumulativeAttrs {
  /** Resolved. */
  readonly axis: number;
  /** From the end of the axis to its start. */
  readonly reverse: boolean;
  /** Without the element itself: the first result is 0 (1 of products). */
  readonly exclusive: boolean;
}

function launchCumulative(
  accumulation: Accumulation,
  x: Tensor,
  out: TensorSpec,
  { axis, reverse, exclusive }: CumulativeAttrs,
): Tensor {
  const { device } = x;
  const label = `tensor/cum${accumulation}`;
  const dtype: DType = isFloat(out.dtype) ? 'f32' : out.dtype;
  const result = Tensor.empty(device, out.shape, dtype, label);
  if (x.size > 0) {
    const plan = planCumulative(
      {
        accumulation,
        rows: stridedRows(x, [axis]),
        dtype: x.dtype,
        width: x.shape[axis]!,
        inner: sizeOf(x.shape.slice(axis + 1)),
        reverse,
        exclusive,
      },
      device.adapterClass,
    );
    const totals = plan.parts && Tensor.empty(device, [plan.parts.words], 'u32', `${label}/parts`);
    if (plan.parts && totals) {
      const { kernel, params, workgroups } = plan.parts.first;
      device.dispatch(kernel, [x.wholeBinding(), totals.binding()], params, workgroups);
    }
    const bindings = [x.wholeBinding(), ...(totals ? [totals.binding()] : []), result.binding()];
    device.dispatch(plan.scan.kernel, bindings, plan.scan.params, plan.scan.workgroups);
    totals?.dispose();
  }
  if (dtype === out.dtype) return result;
  const rounded = launchElementwise({ name: 'cast', expr: 'x0' }, [result], out);
  result.dispose();
  return rounded;
}

function cumulativeDef(name: 'cumsum' | 'cumprod'): OpDef<CumulativeAttrs> {
  const accumulation = name === 'cumsum' ? 'sum' : 'prod';
  const outType = (dtype: DType): DType => (dtype === 'bool' ? 'i32' : dtype);
  const isWhole = (dtype: DType): boolean => !isFloat(dtype);
  const step = (dtype: DType, a: number, b: number): number => {
    if (!isWhole(dtype)) return name === 'cumsum' ? a + b : a * b;
    const wrapped = name === 'cumsum' ? (a + b) | 0 : Math.imul(a, b);
    return dtype === 'u32' ? wrapped >>> 0 : wrapped;
  };
  // Products of values near 1 neither vanish nor overflow.
  const domain = (value: number): number =>
    Math.fround(name === 'cumsum' ? value : Math.sign(value) * Math.exp(0.05 * value));
  return {
    name,
    doc: `${name === 'cumsum' ? 'sums' : 'products'} of the elements up to each one along an axis; integers wrap, bool gives i32`,
    dtypes: ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'],
    tolerance: 'reduction',
    infer: ([x], { axis }) => {
      if (x!.shape[axis] === undefined) {
        throw new ToolError('shape', { op: name, expected: `axis ${axis}`, got: formatShape(x!.shape) });
      }
      return [{ shape: x!.shape, dtype: outType(x!.dtype) }];
    },
    run: ([x], [out], attrs) => [launchCumulative(accumulation, x!, out!, attrs)],
    reference: ([x], { axis, reverse, exclusive }) => {
      const dtype = x!.dtype ?? 'f32';
      const width = x!.shape[axis]!;
      const inner = sizeOf(x!.shape.slice(axis + 1));
      const data = new Float64Array(x!.data.length);
      for (let row = 0; row < data.length / Math.max(1, width); row++) {
        const base = Math.floor(row / inner) * width * inner + (row % inner);
        let carry = name === 'cumsum' ? 0 : 1;
        for (let at = 0; at < width; at++) {
          const i = base + (reverse ? width - 1 - at : at) * inner;
          const next = step(dtype, carry, x!.data[i]!);
          data[i] = exclusive ? carry : next;
          carry = next;
        }
      }
      return [refArray(x!.shape, data, outType(dtype))];
    },
    samples: () => {
      const sample = (label: string, shape: Shape, axis: number, reverse = false, exclusive = false) => ({
        name: label,
        inputs: [
          { ...normalArray(810 + shape.length, shape), data: normalArray(810 + shape.length, shape).data.map(domain) },
        ],
        attrs: { axis, reverse, exclusive },
      });
      return [
        sample('rows', [5, 33], 1),
        sample('columns', [40, 6], 0),
        sample('middle, from the end', [3, 4, 5], 1, true),
        sample('without itself', [6, 8], 1, false, true),
        sample('from the end, without itself', [6, 7], 0, true, true),
        sample('long vector in parts', [5003], 0),
        sample('long rows in parts, from the end, without themselves', [2, 4096], 1, true, true),
        sample('many rows', [130, 3], 1),
        sample('nothing', [3, 0], 1),
      ];
    },
    fuzz: (draw) => {
      const shape = draw.shape(1 + draw.below(4));
      return {
        name: 'drawn',
        inputs: [draw.normals(shape, domain)],
        attrs: { axis: draw.below(shape.length), reverse: draw.oneIn(2), exclusive: draw.oneIn(2) },
      };
    },
    errors: () => [
      {
        name: 'an axis that is not there',
        inputs: [{ shape: [3], dtype: 'f32' }],
        attrs: { axis: 1, reverse: false, exclusive: false },
        code: 'shape',
      },
    ],
  };
}

export const cumsumOp: OpDef<CumulativeAttrs> = cumulativeDef('cumsum');
export const cumprodOp: OpDef<CumulativeAttrs> = cumulativeDef('cumprod');

/** Along which axis a cumulative op goes, and how. */
export interface CumulativeOptions {
  /** Default: the last axis. */
  readonly axis?: number;
  /** From the end of the axis to its start. */
  readonly reverse?: boolean;
  /** Without the element itself: the first result is 0 (1 of products). */
  readonly exclusive?: boolean;
}

const apply =
  (def: OpDef<CumulativeAttrs>) =>
  (x: Tensor, { axis = -1, reverse = false, exclusive = false }: CumulativeOptions = {}): Tensor =>
    applyOp(def, [x], { axis: normalizeAxis(def.name, axis, x.rank), reverse, exclusive })[0]!;

/** Sums of the elements up to each one along an axis. The type of x; i32 for bool. */
export const cumsum: (x: Tensor, options?: CumulativeOptions) => Tensor = apply(cumsumOp);
/** Products of the elements up to each one along an axis. The type of x; i32 for bool. */
export const cumprod: (x: Tensor, options?: CumulativeOptions) => Tensor = apply(cumprodOp);
