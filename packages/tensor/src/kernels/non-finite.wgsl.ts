import type { DType } from '../dtype.ts';
import type { Kernel } from '../gpu/kernel.ts';
import { loadElement, storageType } from './lib/element.wgsl.ts';

/*
 * Math     flags[slot] = (lowest index of a NaN or an infinity, or all ones; the bits of that value as f32)
 * Layout   x any plain array of floats; flags two words a slot.
 * Dispatch one workgroup, whatever the size: it is a tool for looking, not for running.
 * Numerics the exponent's bits are looked at: compilers may assume that a float is neither NaN nor infinite.
 */
export function nonFiniteKernel(dtype: DType): Kernel {
  return {
    key: `non-finite/${dtype}`,
    label: 'tensor/non-finite',
    bindings: [
      { name: 'x', access: 'read', element: storageType(dtype) },
      { name: 'flags', access: 'read_write', element: 'u32' },
    ],
    params: [
      { name: 'count', type: 'u32' },
      { name: 'slot', type: 'u32' },
    ],
    body: () => `
const NONE = 0xffffffffu;
var<workgroup> lowest: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) thread: u32) {
  if (thread == 0u) { atomicStore(&lowest, NONE); }
  workgroupBarrier();
  for (var i = thread; i < params.count; i += 64u) {
    let bits = bitcast<u32>(${loadElement('x', dtype, 'i')});
    if ((bits & 0x7f800000u) == 0x7f800000u) {
      atomicMin(&lowest, i);
      break;
    }
  }
  workgroupBarrier();
  if (thread != 0u) { return; }
  let found = atomicLoad(&lowest);
  flags[2u * params.slot] = found;
  if (found != NONE) { flags[2u * params.slot + 1u] = bitcast<u32>(${loadElement('x', dtype, 'found')}); }
}
`,
  };
}
