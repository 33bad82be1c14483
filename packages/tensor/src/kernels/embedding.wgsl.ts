import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     forward: y[n] = table[ids[n]];  backward: dTable[v] += sum over n with ids[n] = v of dy[n]
 * Layout   table, dTable [V, D]; ids [N]; y, dy [N, D].
 * Dispatch forward: a thread an element. Backward, without float atomics and in a fixed order:
 *          'by-row'   a thread for each (v, d) scans all ids: V * N comparisons a column;
 *          'by-token' a thread for each (n, d) that is the first with its id sums the later ones:
 *                     at most N * N comparisons a column, for vocabularies larger than the batch.
 *          'grouped'  a thread for each (distinct id, d) walks only the tokens that have the id, given
 *                     as a list made on the host: N additions a column. The one for training.
 * Memory   backward reads dy once and the ids from cache.
 */
function gatherKernel(vec: 1 | 4): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  return {
    key: `embedding/gather/${vec}`,
    label: 'tensor/embedding',
    bindings: [
      { name: 'table', access: 'read', element },
      { name: 'ids', access: 'read', element: 'u32' },
      { name: 'y', access: 'read_write', element },
    ],
    params: ['count', 'width'].map((name) => ({ name, type: 'u32' })),
    body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 256u + thread;
  if (i >= params.count) { return; }
  y[i] = table[ids[i / params.width] * params.width + i % params.width];
}
`,
  };
}

/** Bindings: table, ids, y. */
export function planGather(rows: number, width: number): LaunchPlan {
  const vec = width % 4 === 0 ? 4 : 1;
  const count = (rows * width) / vec;
  return {
    kernel: gatherKernel(vec),
    params: [count, width / vec],
    workgroups: linearWorkgroups(Math.ceil(count / 256)),
  };
}

function scatterKernel(order: 'by-row' | 'by-token'): Kernel {
  const scan =
    order === 'by-row'
      ? `let id = i / params.width;
  let first = 0u;`
      : `let first = i / params.width;
  let id = ids[first];
  for (var n = 0u; n < first; n++) { if (ids[n] == id) { return; } }`;
  return {
    key: `embedding/scatter-add/${order}`,
    label: 'tensor/embedding/scatter-add',
    bindings: [
      { name: 'dy', access: 'read', element: 'f32' },
      { name: 'ids', access: 'read', element: 'u32' },
      { name: 'dTable', access: 'read_write', element: 'f32' },
    ],
    params: ['count', 'width', 'tokens'].map((name) => ({ name, type: 'u32' })),
    body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.count) { return; }
  let column = i % params.width;
  ${scan}
  var total = 0.0;
  var found = false;
  for (var n = first; n < params.tokens; n++) {
    if (ids[n] == id) { total += dy[n * params.width + column]; found = true; }
  }
  if (found) { dTable[id * params.width + column] += total; }
}
`,
  };
}

/** Adds rows of dy [N, D] into dTable [V, D]. Bindings: dy, ids, dTable. */
export function planScatterAdd(rows: number, tokens: number, width: number): LaunchPlan {
  const order = rows <= tokens ? 'by-row' : 'by-token';
  const count = Math.min(rows, tokens) * width;
  return {
    kernel: scatterKernel(order),
    params: [count, width, tokens],
    workgroups: linearWorkgroups(Math.ceil(count / 64)),
  };
}

function groupedKernel(vec: 1 | 4): Kernel {
  const element = vec === 4 ? 'vec4<f32>' : 'f32';
  return {
    key: `embedding/scatter-add/grouped/${vec}`,
    label: 'tensor/embedding/scatter-add',
    bindings: [
      { name: 'dy', access: 'read', element },
      { name: 'distinct', access: 'read', element: 'u32' },
      { name: 'offsets', access: 'read', element: 'u32' },
      { name: 'order', access: 'read', element: 'u32' },
      { name: 'dTable', access: 'read_write', element },
    ],
    params: ['count', 'width'].map((name) => ({ name, type: 'u32' })),
    body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.count) { return; }
  let column = i % params.width;
  let member = i / params.width;
  var total = ${element}();
  for (var n = offsets[member]; n < offsets[member + 1u]; n++) { total += dy[order[n] * params.width + column]; }
  let at = distinct[member] * params.width + column;
  dTable[at] = dTable[at] + total;
}
`,
  };
}

/** The same sum from lists of tokens by id. Bindings: dy, distinct [U], offsets [U + 1], order [N], dTable. */
export function planGroupedScatterAdd(distinct: number, width: number): LaunchPlan {
  const vec = width % 4 === 0 ? 4 : 1;
  const count = (distinct * width) / vec;
  return {
    kernel: groupedKernel(vec),
    params: [count, width / vec],
    workgroups: linearWorkgroups(Math.ceil(count / 64)),
  };
}
