import type { DType } from '../dtype.ts';
import { type Kernel, type KernelParam, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { ScalarLike } from '../scalar.ts';
import { collapseLoops, contiguousStrides, type Shape, sizeOf } from '../shape.ts';
import {
  atWidth,
  converted,
  type ElementwiseExpression,
  expressionTypes,
  functionsAt,
  typeAt,
  type Width,
} from './elementwise-expression.ts';
import {
  isPacked,
  loadElement,
  loadPair,
  packFunctions,
  packPair,
  storageType,
  storedValue,
  type ValueType,
  valueType,
} from './lib/element.wgsl.ts';

/*
 * Math     out[i] = expr(x0[i], x1[i], ...) with NumPy broadcasting.
 * Layout   every input is a strided view (stride 0 where it is broadcast, negative where it runs backwards) of
 *          any element type; the output is contiguous. Dimensions that all operands walk together are merged
 *          first, so the common case is rank 1.
 * Dispatch four elements a thread where the innermost dimension allows loads of four; else one, or two where
 *          the output is of 16-bit elements, which share a word.
 * Memory   each input element is read once, each output element written once.
 * Numerics 16-bit floats are computed in f32 and rounded once, to the nearest even; integers stay integers.
 *          WGSL lets an adapter take denormal numbers for 0. See the tolerance of each op.
 */

export type { ElementwiseExpression } from './elementwise-expression.ts';

/** How an operand of an elementwise kernel is read. */
export interface ElementwiseOperand {
  readonly dtype: DType;
  /** Strides over the output shape, 0 where the operand is broadcast. */
  readonly strides: readonly number[];
  /** Offset in elements from the start of the binding. */
  readonly offset: number;
}

const WORKGROUP = 256;

/** Strides of an operand of `shape`/`strides` as it broadcasts to `out`. */
export function broadcastStrides(shape: Shape, strides: readonly number[], out: Shape): number[] {
  const lead = out.length - shape.length;
  return out.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]!));
}

/**
 * Kernel, parameters and grid for one elementwise launch. Bindings: the inputs, then the output. The operand
 * `inPlace` has no binding of its own: it is what the output holds, element by element, before.
 */
export function planElementwise(
  expression: ElementwiseExpression,
  operands: readonly ElementwiseOperand[],
  out: { readonly shape: Shape; readonly dtype: DType },
  scalars: readonly ScalarLike[] = [],
  inPlace?: number,
): LaunchPlan {
  const nest = collapseLoops(out.shape, [...operands.map((o) => o.strides), contiguousStrides(out.shape)]);
  if (nest.dims.length === 0) {
    nest.dims.push(1);
    for (const strides of nest.strides) strides.push(1);
  }
  const rank = nest.dims.length;
  const inner = nest.dims[rank - 1]!;
  const canVectorise =
    inner % 4 === 0 &&
    operands.every((operand, i) => {
      const strides = nest.strides[i]!;
      if (strides[rank - 1] === 0) return true;
      return strides[rank - 1] === 1 && operand.offset % 4 === 0 && strides.slice(0, -1).every((s) => s % 4 === 0);
    });
  const width: Width = canVectorise ? 4 : 1;
  const kinds = operands.map((_, i) => (width === 4 && nest.strides[i]![rank - 1] !== 0 ? 'vector' : 'scalar'));
  const units = sizeOf(out.shape) / width;
  const params: ScalarLike[] = [units, ...scalars, ...nest.dims.slice(0, -1), inner / width];
  operands.forEach((operand, i) => {
    const divisor = kinds[i] === 'vector' ? 4 : 1;
    const strides = nest.strides[i]!.map((s) => s / divisor);
    // One step along the innermost dimension is one vector.
    if (divisor === 4) strides[rank - 1] = 1;
    params.push(operand.offset / divisor, ...strides);
  });
  const threads = width === 1 && isPacked(out.dtype) ? units / 2 : units;
  return {
    kernel: elementwiseKernel({
      expression,
      dtypes: operands.map((o) => o.dtype),
      kinds,
      outType: out.dtype,
      rank,
      width,
      inPlace,
    }),
    params,
    workgroups: linearWorkgroups(Math.ceil(threads / WORKGROUP)),
  };
}

/** Whether an operand is read in fours, or an element at a time (and stretched where four are computed). */
type OperandKind = 'vector' | 'scalar';

interface ElementwiseSpec {
  readonly expression: ElementwiseExpression;
  readonly dtypes: readonly DType[];
  readonly kinds: readonly OperandKind[];
  readonly outType: DType;
  readonly rank: number;
  readonly width: Width;
  readonly inPlace: number | undefined;
}

function elementwiseKernel(spec: ElementwiseSpec): Kernel {
  const { expression, dtypes, kinds, outType, rank, width, inPlace } = spec;
  const { compute, operands, result } = expressionTypes(expression, dtypes);
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const scalarType: KernelParam['type'] = compute === 'i32' || compute === 'u32' ? compute : 'f32';
  return {
    key: `elementwise/${expression.name}/${[compute, ...operands, result].join()}/${dtypes.join()}/${kinds.join()}/${outType}/${rank}/${width}${inPlace === undefined ? '' : `/over${inPlace}`}`,
    label: `tensor/${expression.name}`,
    bindings: [
      ...dtypes.flatMap((dtype, i) =>
        i === inPlace
          ? []
          : {
              name: `in${i}`,
              access: 'read' as const,
              element: kinds[i] === 'vector' ? storedFour(dtype) : storageType(dtype),
            },
      ),
      { name: 'out', access: 'read_write', element: width === 4 ? storedFour(outType) : storageType(outType) },
    ],
    params: [
      { name: 'count', type: 'u32' },
      ...(expression.scalars ?? []).map((name) => ({ name, type: scalarType })),
      ...axes.map((axis) => ({ name: `dim${axis}`, type: 'u32' as const })),
      ...dtypes.flatMap((_, i) => [
        { name: `offset${i}`, type: 'u32' as const },
        ...axes.map((axis) => ({ name: `stride${i}_${axis}`, type: 'u32' as const })),
      ]),
    ],
    body: () => {
      const coordinates: string[] = ['var rest = i;'];
      for (let axis = rank - 1; axis > 0; axis--) {
        coordinates.push(`let c${axis} = rest % params.dim${axis}; rest = rest / params.dim${axis};`);
      }
      coordinates.push('let c0 = rest;');
      const loads = dtypes.map((dtype, i) => {
        const index = [`params.offset${i}`, ...axes.map((axis) => `c${axis} * params.stride${i}_${axis}`)].join(' + ');
        const load = loadLines(i, i === inPlace ? 'out' : `in${i}`, dtype, kinds[i]!, operands[i]!, width);
        return `let at${i} = ${index}; ${load}`;
      });
      const outValue = valueType(outType);
      return `${outType === 'f16' || outType === 'bf16' ? packFunctions(outType) : ''}
${functionsAt(expression.functions ?? '', width, compute)}
fn value(i: u32) -> ${typeAt(outValue, width)} {
  ${coordinates.join('\n  ')}
  ${loads.join('\n  ')}
  return ${converted(`(${atWidth(expression.expr, width, compute)})`, result, outValue, width)};
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * ${WORKGROUP}u + lane;
  ${storeLines(outType, width)}
}
`;
    },
  };
}

/** The element type of an array that is read and written in fours. */
function storedFour(dtype: DType): string {
  return isPacked(dtype) ? 'vec2<u32>' : `vec4<${storageType(dtype)}>`;
}

/** WGSL statement: `x<i>`, the operand at unit `at<i>` of the array `name`, as a value of `type`. */
function loadLines(i: number, name: string, dtype: DType, kind: OperandKind, type: ValueType, width: Width): string {
  const from = valueType(dtype);
  const at = `at${i}`;
  const put = (value: string): string => `let x${i} = ${converted(value, from, type, width)};`;
  if (kind === 'scalar') {
    const element = loadElement(name, dtype, at);
    return put(width === 4 ? `${typeAt(from, 4)}(${element})` : element);
  }
  if (dtype === 'f16' || dtype === 'bf16') {
    const [low, high] = ['0', '1'].map((half) => loadPair(`words${i}`, dtype, half));
    return `let words${i} = ${name}[${at}]; ${put(`vec4<f32>(${low}, ${high})`)}`;
  }
  return put(dtype === 'bool' ? `(${name}[${at}] != vec4<u32>())` : `${name}[${at}]`);
}

/** WGSL statements that store `value(i)`; a thread past the end stores nothing. */
function storeLines(dtype: DType, width: Width): string {
  if (dtype === 'f16' || dtype === 'bf16') {
    return width === 4
      ? `if (i >= params.count) { return; }
  let v = value(i);
  out[i] = vec2<u32>(${packPair(dtype, 'v.x', 'v.y')}, ${packPair(dtype, 'v.z', 'v.w')});`
      : `// Two elements share a word, so one thread computes both.
  let first = 2u * i;
  if (first >= params.count) { return; }
  let low = value(first);
  var high = 0.0;
  if (first + 1u < params.count) { high = value(first + 1u); }
  out[i] = ${packPair(dtype, 'low', 'high')};`;
  }
  const stored =
    width === 4 && dtype === 'bool' ? 'select(vec4<u32>(0u), vec4<u32>(1u), value(i))' : storedValue(dtype, 'value(i)');
  return `if (i >= params.count) { return; }
  out[i] = ${stored};`;
}
