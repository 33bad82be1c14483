import type { DType } from '../dtype.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, contiguousStrides, type Shape, sizeOf } from '../shape.ts';
import { isPacked, loadElement, packFunctions, packPair, storageType } from './lib/element.wgsl.ts';
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
  const packed = isPacked(dtype);
  const stores = packed
    ? `out[2u * thread] = ${packPair(dtype as 'f16' | 'bf16', 'y[0]', 'y[1]')};
  if (first + 2u < params.count) { out[2u * thread + 1u] = ${packPair(dtype as 'f16' | 'bf16', 'y[2]', 'y[3]')}; }`
    : 'for (var j = 0u; j < 4u && first + j < params.count; j++) { out[first + j] = y[j]; }';
  const kernel: Kernel = {
    key: `dropout/${dtype}/${rank}`,
    label: 'tensor/dropout',
    bindings: [
      { name: 'x', access: 'read', element: storageType(dtype) },
      { name: 'out', access: 'read_write', element: storageType(dtype) },
    ],
    params: [{ name: 'scale', type: 'f32' }, ...names.map((name) => ({ name, type: 'u32' as const }))],
    body: () => `${PHILOX_WGSL}
${packed ? packFunctions(dtype as 'f16' | 'bf16') : ''}
fn source(i: u32) -> f32 {
  ${coordinates(rank)}
  let at = ${operandIndex('x', [...nest.dims.keys()])};
  return ${loadElement('x', dtype, 'at')};
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * ${WORKGROUP}u + lane;
  let first = 4u * thread;
  if (first >= params.count) { return; }
  let words = philox(vec4u(thread, params.step, 0u, 0u), vec2u(params.seed, params.stream));
  var y = vec4f();
  for (var j = 0u; j < 4u && first + j < params.count; j++) {
    if ((words[j] >> 8u) >= params.threshold) { y[j] = source(first + j) * params.scale; }
  }
  ${stores}
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
