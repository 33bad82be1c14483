import { type DType, encodeBf16, encodeF16 } from '../dtype.ts';
import { type Kernel, type KernelParam, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { loadPair, packFunctions, packPair, storageType } from './lib/element.wgsl.ts';

/*
 * Math     fill: out = value;  copy: out = source;  accumulate: out = out + source (of bools: or)
 * Layout   contiguous, both of one element type.
 * Dispatch one thread a word, or four where the size allows.
 * Numerics a copy keeps every bit, the sign of -0 and the payload of NaN too; sums of 16-bit floats are
 *          computed in f32 and rounded to the nearest even.
 */

type Action = 'fill' | 'copy' | 'accumulate';

function inPlaceKernel(action: Action, dtype: DType, vec: 1 | 4, hasTail: boolean): Kernel {
  const scalar = storageType(dtype);
  const element = vec === 4 ? `vec4<${scalar}>` : scalar;
  const out = { name: 'out', access: 'read_write' as const, element };
  const value: KernelParam = { name: 'value', type: scalar };
  const isSum = action === 'accumulate';
  return {
    key: `${action}/${dtype}/${vec}/${hasTail}`,
    label: `tensor/${action}`,
    bindings: action === 'fill' ? [out] : [{ name: 'source', access: 'read', element }, out],
    params: [{ name: 'count', type: 'u32' }, ...(action === 'fill' ? [value] : [])],
    body: () => `${isSum && (dtype === 'f16' || dtype === 'bf16') ? packFunctions(dtype) : ''}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i >= params.count) { return; }
  ${isSum ? sumLines(dtype) : `let word = ${action === 'fill' ? `${element}(params.value)` : 'source[i]'};`}
  ${
    hasTail
      ? `// The upper half of the last word is not ours.
  out[i] = select(word, (out[i] & 0xffff0000u) | (word & 0xffffu), i + 1u == params.count);`
      : 'out[i] = word;'
  }
}
`,
  };
}

/** WGSL statements that make `word`, the sum of what stands in source and out. */
function sumLines(dtype: DType): string {
  if (dtype === 'bool') return 'let word = out[i] | source[i];';
  if (dtype !== 'f16' && dtype !== 'bf16') return 'let word = out[i] + source[i];';
  return `let pair = ${loadPair('out', dtype, 'i')} + ${loadPair('source', dtype, 'i')};
  let word = ${packPair(dtype, 'pair.x', 'pair.y')};`;
}

function plan(action: Action, dtype: DType, size: number, value?: number): LaunchPlan {
  const isPair = dtype === 'f16' || dtype === 'bf16';
  const words = isPair ? Math.ceil(size / 2) : size;
  // Fours of words would need fours of functions for pairs.
  const vec = words % 4 === 0 && !isPair ? 4 : 1;
  return {
    kernel: inPlaceKernel(action, dtype, vec, isPair && size % 2 === 1),
    params: [words / vec, ...(value === undefined ? [] : [value])],
    workgroups: linearWorkgroups(Math.ceil(words / vec / 256)),
  };
}

/** Bindings: out. */
export function planFill(size: number, value: number, dtype: DType = 'f32'): LaunchPlan {
  const both = (bits: number): number => ((bits << 16) | bits) >>> 0;
  if (dtype === 'f16') return plan('fill', dtype, size, both(encodeF16(value)));
  if (dtype === 'bf16') return plan('fill', dtype, size, both(encodeBf16(value)));
  return plan('fill', dtype, size, dtype === 'bool' ? (value === 0 ? 0 : 1) : value);
}

/** out += source, or out = source unless `keep`. Bindings: source, out. */
export function planAccumulate(size: number, keep: boolean, dtype: DType = 'f32'): LaunchPlan {
  return plan(keep ? 'accumulate' : 'copy', dtype, size);
}
