import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     history[slot_r, position_r] = ids[source_r] for every r
 * Layout   ids u32 [N]; source, slot and position u32 [count]; history u32 [B, capacity].
 * Dispatch a thread a row.
 * Memory   4 reads and 1 write a row.
 * Limits   a row whose source, slot or position lies outside is left out. Two rows with the same (slot, position)
 *          race: the caller must not pass them.
 */

const THREADS = 64;

const KERNEL: Kernel = {
  key: 'history-append',
  label: 'tensor/history/append',
  bindings: [
    ...['ids', 'source', 'slot', 'position'].map((name) => ({ name, access: 'read', element: 'u32' }) as const),
    { name: 'history', access: 'read_write', element: 'u32' },
  ],
  params: ['count', 'batch', 'capacity', 'ids_count'].map((name) => ({ name, type: 'u32' })),
  body: () => `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = (group.x + group.y * groups.x) * ${THREADS}u + lane;
  if (row >= params.count) { return; }
  if (source[row] >= params.ids_count || slot[row] >= params.batch || position[row] >= params.capacity) { return; }
  history[slot[row] * params.capacity + position[row]] = ids[source[row]];
}
`,
};

/** Bindings: ids, source, slot, position, history. */
export function planHistoryAppend(shape: {
  readonly count: number;
  readonly batch: number;
  readonly capacity: number;
  readonly ids: number;
}): LaunchPlan {
  const { count, batch, capacity, ids } = shape;
  return {
    kernel: KERNEL,
    params: [count, batch, capacity, ids],
    workgroups: linearWorkgroups(Math.ceil(count / THREADS)),
  };
}
