import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     dTable[v] += sum over n with ids[n] = v of dy[n], in ascending n
 * Layout   dTable [V, D], or one block of its rows; dy [N, D]; ids [N]. Bound as vec4s where D allows.
 * Dispatch without float atomics and in a fixed order:
 *          'grouped'  a thread for each (distinct id, d) walks the tokens that have the id, given as lists that were
 *                     made on the host.
 *          'sorted'   a thread for each (n, d) of the ids in order, which were sorted on the device; the first of a run
 *                     of equal ids walks the run, the others have nothing to do.
 * Memory   dy is read once, the rows of dTable that are named are read and written once.
 */
function scatterKernel(kind: 'grouped' | 'sorted', vec: 1 | 4): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  const lists = kind === 'grouped' ? ['distinct', 'offsets', 'order'] : ['ids', 'order'];
  const members =
    kind === 'grouped'
      ? `let id = distinct[member];
  if (id - params.first >= params.rows) { return; }
  let end = offsets[member + 1u];
  for (var n = offsets[member]; n < end; n++) { total += dy[order[n] * params.width + column]; }`
      : `let id = ids[member];
  // Ids that name no row stand behind all others, as the largest u32; those below the block wrap around.
  if (id == 0xffffffffu || id - params.first >= params.rows) { return; }
  if (member > 0u) { if (ids[member - 1u] == id) { return; } }
  for (var n = member; n < params.count / params.width; n++) {
    if (ids[n] != id) { break; }
    total += dy[order[n] * params.width + column];
  }`;
  return {
    key: `embedding/scatter-add/${kind}/${vec}`,
    label: 'tensor/embedding/scatter-add',
    bindings: [
      { name: 'dy', access: 'read', element },
      ...lists.map((name) => ({ name, access: 'read' as const, element: 'u32' })),
      { name: 'dTable', access: 'read_write', element },
    ],
    params: ['count', 'width', 'first', 'rows'].map((name) => ({ name, type: 'u32' })),
    body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.count) { return; }
  let column = i % params.width;
  let member = i / params.width;
  var total = ${element}();
  ${members}
  let at = (id - params.first) * params.width + column;
  dTable[at] = dTable[at] + total;
}
`,
  };
}

/** The rows of a table that are added to. */
interface TableRows {
  readonly first: number;
  readonly rows: number;
}

function plan(kind: 'grouped' | 'sorted', members: number, width: number, { first, rows }: TableRows): LaunchPlan {
  const vec = width % 4 === 0 ? 4 : 1;
  const count = (members * width) / vec;
  return {
    kernel: scatterKernel(kind, vec),
    params: [count, width / vec, first, rows],
    workgroups: linearWorkgroups(Math.ceil(count / 64)),
  };
}

/** The sum from lists of tokens by id. Bindings: dy, distinct [U], offsets [U + 1], order [N], dTable. */
export function planGroupedScatterAdd(distinct: number, width: number, table: TableRows): LaunchPlan {
  return plan('grouped', distinct, width, table);
}

/** The sum from sorted ids [N] and where each of them came from. Bindings: dy, ids, order, dTable. */
export function planSortedScatterAdd(tokens: number, width: number, table: TableRows): LaunchPlan {
  return plan('sorted', tokens, width, table);
}
