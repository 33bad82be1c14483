import type { DType } from '../dtype.ts';
import { type Kernel, linearWorkgroups, type Workgroups } from '../gpu/kernel.ts';
import { collapseLoops, contiguousStrides, type Shape, sizeOf } from '../shape.ts';

/*
 * Math     out[i] = expr(x0[i], x1[i], ...) with NumPy broadcasting.
 * Layout   every input is a strided view (stride 0 where it is broadcast); the output is contiguous.
 *          Dimensions that all operands walk together are merged first, so the common case is rank 1.
 * Dispatch one thread an element, or four where the innermost dimension allows vec4 loads.
 * Memory   each input element is read once, each output element written once.
 * Numerics WGSL's own functions; see the tolerance of each op.
 */

/** The expression and its operands; a `T` in `expr` stands for the element type, `x0..` for the inputs. */
export interface ElementwiseExpression {
  readonly name: string;
  /** WGSL expression over x0, x1, ... and `params.<scalar>`. */
  readonly expr: string;
  /** WGSL functions that the expression calls; a `T` stands for the element type. */
  readonly functions?: string;
  readonly scalars?: readonly string[];
}

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

/** Kernel, parameters and grid for one elementwise launch. Bindings: the inputs, then the output. */
export function planElementwise(
  expression: ElementwiseExpression,
  operands: readonly ElementwiseOperand[],
  out: { readonly shape: Shape; readonly dtype: DType },
  scalars: readonly number[] = [],
): { kernel: Kernel; params: number[]; workgroups: Workgroups } {
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
  const vec = canVectorise ? 4 : 1;
  const kinds = operands.map((_, i) => (vec === 4 && nest.strides[i]![rank - 1] !== 0 ? 'vector' : 'scalar'));
  const params: number[] = [sizeOf(out.shape) / vec, ...scalars, ...nest.dims.slice(0, -1), inner / vec];
  operands.forEach((operand, i) => {
    const divisor = kinds[i] === 'vector' ? 4 : 1;
    const strides = nest.strides[i]!.map((s) => s / divisor);
    // One step along the innermost dimension is one vector.
    if (divisor === 4) strides[rank - 1] = 1;
    params.push(operand.offset / divisor, ...strides);
  });
  return {
    kernel: elementwiseKernel(
      expression,
      operands.map((o) => o.dtype),
      kinds,
      out.dtype,
      rank,
      vec,
    ),
    params,
    workgroups: linearWorkgroups(Math.ceil(sizeOf(out.shape) / vec / WORKGROUP)),
  };
}

function elementwiseKernel(
  expression: ElementwiseExpression,
  dtypes: readonly DType[],
  kinds: readonly string[],
  outType: DType,
  rank: number,
  vec: number,
): Kernel {
  const element = (dtype: DType, kind: string): string => (kind === 'vector' ? `vec4<${dtype}>` : dtype);
  const outElement = vec === 4 ? `vec4<${outType}>` : outType;
  const valueType = vec === 4 ? 'vec4<f32>' : 'f32';
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return {
    key: `elementwise/${expression.name}/${dtypes.join()}/${kinds.join()}/${outType}/${rank}/${vec}`,
    label: `tensor/${expression.name}`,
    ...([...dtypes, outType].includes('f16') ? { enables: ['f16'] } : {}),
    bindings: [
      ...dtypes.map((dtype, i) => ({ name: `in${i}`, access: 'read' as const, element: element(dtype, kinds[i]!) })),
      { name: 'out', access: 'read_write', element: outElement },
    ],
    params: [
      { name: 'count', type: 'u32' },
      ...(expression.scalars ?? []).map((name) => ({ name, type: 'f32' as const })),
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
        const load = `in${i}[${index}]`;
        return `let x${i} = ${vec === 4 && kinds[i] === 'scalar' ? `vec4<${dtype}>(${load})` : load};`;
      });
      const withType = (text: string): string => text.replaceAll(/\bT\b/g, valueType);
      return `${withType(expression.functions ?? '')}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * ${WORKGROUP}u + lane;
  if (i >= params.count) { return; }
  ${coordinates.join('\n  ')}
  ${loads.join('\n  ')}
  out[i] = ${withType(expression.expr)};
}
`;
    },
  };
}
