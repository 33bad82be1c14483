import { linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';

/*
 * Math     out[first + i] = source[i], for i in [0, count), in 16-bit halves
 * Layout   out is a whole buffer, source starts at its first word; both hold two halves a word, the even one low.
 *          The neighbours in the first and the last word stay as they are.
 * Dispatch one thread a word of out that is written to.
 * Memory   each word of the source is read at most twice, each word of the range read and written once.
 */
const WORKGROUP = 256;

/** Bindings: source, out. */
export function planWriteRange(first: number, count: number): LaunchPlan {
  const words = Math.ceil((first + count) / 2) - Math.floor(first / 2);
  return {
    kernel: {
      key: 'write-range',
      label: 'tensor/write-range',
      bindings: [
        { name: 'source', access: 'read', element: 'u32' },
        { name: 'out', access: 'read_write', element: 'u32' },
      ],
      params: ['first', 'count', 'words'].map((name) => ({ name, type: 'u32' as const })),
      body: () => `
fn chosen(at: u32, old: u32) -> u32 {
  let i = at - params.first;
  if (i >= params.count) { return old; }
  return (source[i >> 1u] >> ((i & 1u) << 4u)) & 0xffffu;
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = (group.x + group.y * groups.x) * ${WORKGROUP}u + lane;
  if (thread >= params.words) { return; }
  let word = params.first / 2u + thread;
  let old = out[word];
  out[word] = chosen(2u * word, old & 0xffffu) | (chosen(2u * word + 1u, old >> 16u) << 16u);
}
`,
    },
    params: [first, count, words],
    workgroups: linearWorkgroups(Math.ceil(words / WORKGROUP)),
  };
}
