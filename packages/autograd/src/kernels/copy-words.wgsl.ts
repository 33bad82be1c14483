import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';

/*
 * Math     out = source, bit by bit: codes of 8-bit states are no numbers that may pass through an f32.
 * Layout   words of 32 bits.
 * Dispatch one thread a word.
 * Memory   reads and writes each word once.
 */
const KERNEL: Kernel = {
  key: 'copy-words',
  label: 'autograd/copy-words',
  bindings: [
    { name: 'source', access: 'read', element: 'u32' },
    { name: 'out', access: 'read_write', element: 'u32' },
  ],
  params: [{ name: 'count', type: 'u32' }],
  body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 256u + lane;
  if (i < params.count) { out[i] = source[i]; }
}
`,
};

/** Bindings: source, out. */
export function planCopyWords(count: number): LaunchPlan {
  return { kernel: KERNEL, params: [count], workgroups: linearWorkgroups(Math.ceil(count / 256)) };
}
