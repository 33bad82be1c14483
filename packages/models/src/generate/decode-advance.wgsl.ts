import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';

/*
 * Math     for each slot that is not idle, with t = steps - firsts: drawn[t] = (token, logp); ids = token;
 *          steps += 1; lengths += 1, or 0 (idle) once lengths + 1 reaches ends.
 * Layout   state u32 [FIELDS, stride], the fields in the order of `DECODE_FIELDS`; tokens u32 [slots]; logps f32
 *          [slots]; drawn u32 [rows, 2, slots], the log-probabilities as their bits.
 * Dispatch a thread a slot.
 * Memory   a few words a slot: what keeps a decode step free of uploads.
 */
const THREADS = 64;

/** What the device knows of each slot, in the order of the rows of the state. */
export const DECODE_FIELDS = ['ids', 'lengths', 'rowIds', 'steps', 'ends', 'firsts'] as const;
export type DecodeField = (typeof DECODE_FIELDS)[number];

/** Bindings: tokens, logps, state and drawn (both written). */
export function planAdvance(slots: number, stride: number, rows: number): LaunchPlan {
  const at = (field: DecodeField): string => `state[${DECODE_FIELDS.indexOf(field)}u * params.stride + slot]`;
  const kernel: Kernel = {
    key: 'models/decode/advance',
    label: 'models/decode/advance',
    bindings: [
      { name: 'tokens', access: 'read', element: 'u32' },
      { name: 'logps', access: 'read', element: 'f32' },
      { name: 'state', access: 'read_write', element: 'u32' },
      { name: 'drawn', access: 'read_write', element: 'u32' },
    ],
    params: ['slots', 'stride', 'rows'].map((name) => ({ name, type: 'u32' })),
    body: () => `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let slot = (group.x + group.y * groups.x) * ${THREADS}u + lane;
  if (slot >= params.slots) { return; }
  let length = ${at('lengths')};
  if (length == 0u) { return; }
  let row = ${at('steps')} - ${at('firsts')};
  if (row < params.rows) {
    drawn[2u * row * params.slots + slot] = tokens[slot];
    drawn[(2u * row + 1u) * params.slots + slot] = bitcast<u32>(logps[slot]);
  }
  ${at('ids')} = tokens[slot];
  ${at('steps')} += 1u;
  ${at('lengths')} = select(length + 1u, 0u, length + 1u >= ${at('ends')});
}
`,
  };
  return { kernel, params: [slots, stride, rows], workgroups: linearWorkgroups(Math.ceil(slots / THREADS)) };
}
