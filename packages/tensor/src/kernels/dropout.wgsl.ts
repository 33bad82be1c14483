import type { DType } from '../dtype.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, contiguousStrides, type Shape, sizeOf } from '../shape.ts';
import { loadElement, packFunctions, packPair, storageType } from './lib/element.wgsl.ts';
import { coordinates, dimParams, operandIndex, operandParams } from './lib/move.wgsl.ts';
import { PHILOX_WGSL } from './lib/philox.wgsl.ts';
import { probabilityThreshold, type RandomAddress } from './random.wgsl.ts';

/*
 * Math     out[i] = u_i >= p ? x[i] / (1 - p) : 0, where u_i comes from word i mod 4 of Philox at counter
 *          (i div 4, step, 0, 0) under the key (seed, stream): the same for the gradient, so no mask is kept
 * Layout   x is any strided view; out is contiguous, and i counts its elements.
 * Dispatch one thread four elements, for which one run of the generator is enough.
 * Memory   each element is read and written once.
 * Numerics a product in f32; what is dropped is 0, also where x is not finite.
 */
const WORKGROUP = 256;

/** Bindings: the whole buffer of x, out. */
export function planDropout(
  dtype: DType,
  x: { readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number },
  p: number,
  at: RandomAddress,
): LaunchPlan {
  const nest = collapseLoops(x.shape, [x.strides, contiguousStrides(x.shape)]);
  const rank = nest.dims.length;
  const count = sizeOf(x.shape);
  const names = ['count', 'seed', 'stream', 'step', 'threshold', ...dimParams(rank), ...operandParams('x', rank)];
  const isVector =
    dtype === 'f32' && count % 4 === 0 && x.offset % 4 === 0 && rank <= 1 && (nest.strides[0]![0] ?? 1) === 1;
  const type = isVector ? 'vec4<f32>' : storageType(dtype);
  const kernel: Kernel = {
    key: `dropout/${dtype}/${isVector ? 'vector' : rank}`,
    label: 'tensor/dropout',
    bindings: [
      { name: 'x', access: 'read', element: type },
      { name: 'out', access: 'read_write', element: type },
    ],
    params: [{ name: 'scale', type: 'f32' }, ...names.map((name) => ({ name, type: 'u32' as const }))],
    body: () => `${PHILOX_WGSL}
${isVector ? '' : scatteredLoads(dtype, rank)}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * ${WORKGROUP}u + lane;
  let first = 4u * thread;
  if (first >= params.count) { return; }
  let words = philox(vec4u(thread, params.step, 0u, 0u), vec2u(params.seed, params.stream));
  let isKept = (words >> vec4u(8u)) >= vec4u(params.threshold);
  let held = ${isVector ? `x[params.x_offset / 4u + thread]` : 'vec4f(source(first), source(first + 1u), source(first + 2u), source(first + 3u))'};
  let y = select(vec4f(), held * params.scale, isKept);
  ${isVector ? 'out[thread] = y;' : stores(dtype)}
}
`,
  };
  const threads = Math.ceil(count / 4);
  return {
    kernel,
    params: [
      p === 1 ? 0 : 1 / (1 - p),
      ...[count, at.seed, at.stream, at.step, probabilityThreshold(p)],
      ...nest.dims,
      x.offset,
      ...nest.strides[0]!,
    ],
    workgroups: linearWorkgroups(Math.ceil(threads / WORKGROUP)),
  };
}

/** WGSL function `source(i)`: element i of the view, 0 past its end. */
function scatteredLoads(dtype: DType, rank: number): string {
  return `${dtype === 'f16' || dtype === 'bf16' ? packFunctions(dtype) : ''}
fn source(i: u32) -> f32 {
  if (i >= params.count) { return 0.0; }
  ${coordinates(rank)}
  let at = ${operandIndex(
    'x',
    Array.from({ length: rank }, (_, axis) => axis),
  )};
  return ${loadElement('x', dtype, 'at')};
}`;
}

/** WGSL that writes the elements of y that the output has. */
function stores(dtype: DType): string {
  if (dtype === 'f16' || dtype === 'bf16') {
    return `out[2u * thread] = ${packPair(dtype, 'y.x', 'y.y')};
  if (first + 2u < params.count) { out[2u * thread + 1u] = ${packPair(dtype, 'y.z', 'y.w')}; }`;
  }
  return ['x', 'y', 'z', 'w']
    .map((part, j) => `if (first + ${j}u < params.count) { out[first + ${j}u] = y.${part}; }`)
    .join('\n  ');
}
