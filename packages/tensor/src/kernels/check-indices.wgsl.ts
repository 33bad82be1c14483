import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, type Shape, sizeOf } from '../shape.ts';
import { RESOLVE_INDEX_WGSL } from './lib/index-value.wgsl.ts';
import { coordinates, dimParams, operandIndex, operandParams } from './lib/move.wgsl.ts';

/*
 * Math     flags[slot] = the first position whose index names no element, and that index
 * Layout   index is any strided view; flags u32 [slots, 4]: 2^32 - 1 - position or 0, the index, 1 once it is noted.
 * Dispatch 'find': a thread an index; 'note': one thread, after it.
 */

/** Words of a slot. */
export const SLOT_WORDS = 4;

interface CheckedIndex {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
  readonly isSigned: boolean;
}

/** Bindings: the whole buffer of the index, flags. To be launched one after the other. */
export function planCheckIndices(index: CheckedIndex, size: number, slot: number): [LaunchPlan, LaunchPlan] {
  const nest = collapseLoops(index.shape, [index.strides]);
  const rank = nest.dims.length;
  const at = operandIndex('index', [...nest.dims.keys()]);
  const kernel = (name: 'find' | 'note', body: string): Kernel => ({
    key: `check-indices/${name}/${rank}`,
    label: `tensor/check-indices/${name}`,
    bindings: [
      { name: 'index', access: 'read', element: 'u32' },
      { name: 'flags', access: 'read_write', element: 'atomic<u32>' },
    ],
    params: ['count', 'size', 'isSigned', 'slot', ...dimParams(rank), ...operandParams('index', rank)].map((name) => ({
      name,
      type: 'u32',
    })),
    body: () => `
${RESOLVE_INDEX_WGSL}
@compute @workgroup_size(${name === 'find' ? 256 : 1})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  ${body}
}
`,
  });
  const find = kernel(
    'find',
    `let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i >= params.count) { return; }
  ${coordinates(rank)}
  if (resolve(index[${at}], params.size, params.isSigned) >= params.size) {
    atomicMax(&flags[params.slot], 0xffffffffu - i);
  }`,
  );
  const note = kernel(
    'note',
    `let first = atomicLoad(&flags[params.slot]);
  if (first == 0u || atomicLoad(&flags[params.slot + 2u]) == 1u) { return; }
  let i = 0xffffffffu - first;
  ${coordinates(rank)}
  atomicStore(&flags[params.slot + 1u], index[${at}]);
  atomicStore(&flags[params.slot + 2u], 1u);`,
  );
  const params = [
    sizeOf(index.shape),
    size,
    index.isSigned ? 1 : 0,
    slot * SLOT_WORDS,
    ...nest.dims,
    index.offset,
    ...nest.strides[0]!,
  ];
  return [
    { kernel: find, params, workgroups: linearWorkgroups(Math.ceil(sizeOf(index.shape) / 256)) },
    { kernel: note, params, workgroups: [1, 1, 1] },
  ];
}
