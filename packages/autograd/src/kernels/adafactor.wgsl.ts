import { type Kernel, type KernelBinding, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';
import { CLIP_BINDINGS, CLIP_FUNCTION, CLIP_PARAMS } from './gradient-clip.wgsl.ts';
import { HYPER_BINDING, HYPER_FUNCTIONS } from './group-hyper.wgsl.ts';

/*
 * Math     for a matrix, with g' = g clip and the means over its rows and columns:
 *            R_i = b R_i + (1 - b) mean_j(g'_ij^2 + eps1);  C_j likewise over i;  V_ij = R_i C_j / mean(R)
 *          for other parameters V = b V + (1 - b) (g'^2 + eps1). Then
 *            U = g' / sqrt(V);  U = U / max(1, rms(U) / d);  p = p - lr s (wd p + max(eps2, rms(p)) U);  g = 0
 *          A step with a non-finite gradient leaves p, R, C and V alone.
 * Layout   one buffer of state an arena; a parameter has R and then C in it, or V. `slots` describes the
 *          parameters, `work` what each workgroup does; both are made by optim/adafactor-layout.ts.
 * Dispatch six launches of workgroups of 64, however many parameters there are: sums of columns in parts of
 *          256 rows, rows, columns and means, sums for the rms, their totals, the update.
 * Memory   reads the gradients four times and the values twice, writes both once: 32 bytes a parameter. The
 *          state is a few vectors.
 * Numerics R / mean(R) comes before the product with C: R C would underflow where gradients are 0.
 * Source   Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, algorithm 4.
 */
export const LANES = 64;
/** Rows that one workgroup adds up for a column. */
export const PART_ROWS = 256;
/** Values of a parameter that one workgroup updates. */
export const CHUNK = 2048;
/** Words of a row of `slots`. */
export const SLOT_WORDS = 8;
/** Words of a row of `work`: the slot, and which of its rows, columns or chunks. */
const WORK_WORDS = 3;

const SLOTS: KernelBinding = { name: 'slots', access: 'read', element: 'u32' };
const WORK: KernelBinding = { name: 'work', access: 'read', element: 'u32' };
const binding = (name: string, access: 'read' | 'read_write', element = 'f32'): KernelBinding => ({
  name,
  access,
  element,
});

const SLOT_FUNCTION = `
struct Slot { offset: u32, size: u32, rows: u32, columns: u32, state: u32, isFactored: u32, parts: u32, firstChunk: u32 }
fn slotOf(index: u32) -> Slot {
  let at = index * ${SLOT_WORDS}u;
  return Slot(slots[at], slots[at + 1u], slots[at + 2u], slots[at + 3u], slots[at + 4u], slots[at + 5u], slots[at + 6u], slots[at + 7u]);
}`;

const SUM_FUNCTION = `
var<workgroup> pool: array<vec2f, ${LANES}>;
/** The sum over the workgroup, for every thread of it. */
fn sumOverGroup(value: vec2f, lane: u32) -> vec2f {
  pool[lane] = value;
  workgroupBarrier();
  for (var span = ${LANES / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) { pool[lane] += pool[lane + span]; }
    workgroupBarrier();
  }
  return pool[0];
}`;

/** The head of every entry point: \`item\`, \`slot\` and the two numbers of the work row. */
const ENTRY = `
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let given = group.x + group.y * groups.x;
  let isExtra = given >= params.items;
  let item = min(given, params.items - 1u);
  let index = work[item * ${WORK_WORDS}u];
  let slot = slotOf(index);
  let first = work[item * ${WORK_WORDS}u + 1u];
  let second = work[item * ${WORK_WORDS}u + 2u];`;

/** V of element `k` of a slot, as the state has it. */
const SECOND_MOMENT = `
fn secondMoment(slot: Slot, k: u32, meanRow: f32) -> f32 {
  if (slot.isFactored == 0u) { return state[slot.state + k]; }
  return state[slot.state + k / slot.columns] / meanRow * state[slot.state + slot.rows + k % slot.columns];
}`;

const ITEMS = { name: 'items', type: 'u32' } as const;
const DECAYS = ['beta', 'rest', 'eps1'].map((name) => ({ name, type: 'f32' as const }));

/** parts[part, column] = sum of g^2 over 256 rows. Work: slot, first column, part. */
const COLUMN_PARTS: Kernel = {
  key: 'adafactor/column-parts',
  label: 'autograd/adafactor/column-parts',
  bindings: [SLOTS, WORK, binding('gradients', 'read'), binding('parts', 'read_write')],
  params: [ITEMS],
  body: () => `${SLOT_FUNCTION}${ENTRY}
  let column = first + lane;
  if (isExtra || column >= slot.columns) { return; }
  let end = min((second + 1u) * ${PART_ROWS}u, slot.rows);
  var total = 0.0;
  for (var row = second * ${PART_ROWS}u; row < end; row++) {
    let g = gradients[slot.offset + row * slot.columns + column];
    total += g * g;
  }
  parts[slot.parts + second * slot.columns + column] = total;
}
`,
};

/** R of one row, or V of a chunk. Work: slot, row or chunk. */
const ROWS: Kernel = {
  key: 'adafactor/rows',
  label: 'autograd/adafactor/rows',
  bindings: [...CLIP_BINDINGS, SLOTS, WORK, binding('gradients', 'read'), binding('state', 'read_write')],
  params: [...CLIP_PARAMS, ITEMS, ...DECAYS],
  body: () => `${CLIP_FUNCTION}${SLOT_FUNCTION}${SUM_FUNCTION}${ENTRY}
  let clip = gradientClip(lane, given == 0u);
  let isFactored = slot.isFactored == 1u;
  let start = select(first * ${CHUNK}u, first * slot.columns, isFactored);
  let end = select(min(start + ${CHUNK}u, slot.size), start + slot.columns, isFactored);
  var total = 0.0;
  for (var k = start + lane; k < end; k += ${LANES}u) {
    let g = gradients[slot.offset + k] * clip;
    total += g * g;
    if (!isFactored && clip >= 0.0 && !isExtra) {
      state[slot.state + k] = params.beta * state[slot.state + k] + params.rest * (g * g + params.eps1);
    }
  }
  let sum = sumOverGroup(vec2f(total, 0.0), lane).x;
  if (isFactored && clip >= 0.0 && !isExtra && lane == 0u) {
    let r = slot.state + first;
    state[r] = params.beta * state[r] + params.rest * (sum / f32(slot.columns) + params.eps1);
  }
}
`,
};

/** C of 64 columns (second = 0), or clip and mean(R) of a slot (second = 1). Work: slot, first column, which. */
const COLUMNS: Kernel = {
  key: 'adafactor/columns',
  label: 'autograd/adafactor/columns',
  bindings: [
    ...CLIP_BINDINGS,
    SLOTS,
    WORK,
    binding('parts', 'read'),
    binding('state', 'read_write'),
    binding('summary', 'read_write', 'vec4<f32>'),
  ],
  params: [...CLIP_PARAMS, ITEMS, ...DECAYS],
  body: () => `${CLIP_FUNCTION}${SLOT_FUNCTION}${SUM_FUNCTION}${ENTRY}
  let clip = gradientClip(lane, false);
  var rows = 0.0;
  if (second == 1u && slot.isFactored == 1u) {
    for (var row = lane; row < slot.rows; row += ${LANES}u) { rows += state[slot.state + row]; }
  }
  let mean = sumOverGroup(vec2f(rows, 0.0), lane).x / f32(max(slot.rows, 1u));
  if (isExtra) { return; }
  if (second == 1u) {
    if (lane == 0u) { summary[index] = vec4f(clip, mean, 0.0, 0.0); }
    return;
  }
  let column = first + lane;
  if (clip < 0.0 || column >= slot.columns) { return; }
  var total = 0.0;
  for (var part = 0u; part * ${PART_ROWS}u < slot.rows; part++) { total += parts[slot.parts + part * slot.columns + column]; }
  let c = slot.state + slot.rows + column;
  state[c] = params.beta * state[c] + params.rest * (total * clip * clip / f32(slot.rows) + params.eps1);
}
`,
};

/** Sums of U^2 and p^2 over a chunk. Work: slot, chunk. */
const CHUNK_SUMS: Kernel = {
  key: 'adafactor/chunk-sums',
  label: 'autograd/adafactor/chunk-sums',
  bindings: [
    SLOTS,
    WORK,
    binding('gradients', 'read'),
    binding('values', 'read'),
    binding('state', 'read'),
    binding('summary', 'read', 'vec4<f32>'),
    binding('chunkSums', 'read_write', 'vec2<f32>'),
  ],
  params: [ITEMS],
  body: () => `${SLOT_FUNCTION}${SUM_FUNCTION}${SECOND_MOMENT}${ENTRY}
  let known = summary[index];
  let end = min((first + 1u) * ${CHUNK}u, slot.size);
  var total = vec2f(0.0);
  for (var k = first * ${CHUNK}u + lane; k < end; k += ${LANES}u) {
    let g = gradients[slot.offset + k] * known.x;
    let p = values[slot.offset + k];
    total += vec2f(g * g / secondMoment(slot, k, known.y), p * p);
  }
  let sum = sumOverGroup(total, lane);
  if (lane == 0u && !isExtra) { chunkSums[slot.firstChunk + first] = sum; }
}
`,
};

/** summary.zw = rms(U), rms(p). Work: slot, number of chunks. */
const TOTALS: Kernel = {
  key: 'adafactor/totals',
  label: 'autograd/adafactor/totals',
  bindings: [SLOTS, WORK, binding('chunkSums', 'read', 'vec2<f32>'), binding('summary', 'read_write', 'vec4<f32>')],
  params: [ITEMS],
  body: () => `${SLOT_FUNCTION}${SUM_FUNCTION}${ENTRY}
  var total = vec2f(0.0);
  for (var chunk = lane; chunk < first; chunk += ${LANES}u) { total += chunkSums[slot.firstChunk + chunk]; }
  let sum = sumOverGroup(total, lane);
  if (lane == 0u && !isExtra) {
    let known = summary[index];
    summary[index] = vec4f(known.xy, sqrt(sum / f32(slot.size)));
  }
}
`,
};

/** Work: slot, chunk. */
const UPDATE: Kernel = {
  key: 'adafactor/update',
  label: 'autograd/adafactor/update',
  bindings: [
    SLOTS,
    WORK,
    binding('state', 'read'),
    binding('summary', 'read', 'vec4<f32>'),
    binding('values', 'read_write'),
    binding('gradients', 'read_write'),
    HYPER_BINDING,
  ],
  params: [
    ITEMS,
    { name: 'groupRows', type: 'u32' },
    { name: 'lr', type: 'f32' },
    { name: 'eps2', type: 'f32' },
    { name: 'threshold', type: 'f32' },
  ],
  body: () => `${SLOT_FUNCTION}${SECOND_MOMENT}${HYPER_FUNCTIONS}${ENTRY}
  if (isExtra) { return; }
  let known = summary[index];
  let h = hyperOf(slot.offset);
  // eps2 below 0 leaves the learning rate as it is.
  let scale = select(1.0, max(params.eps2, known.w), params.eps2 >= 0.0) / max(1.0, known.z / params.threshold);
  let end = min((first + 1u) * ${CHUNK}u, slot.size);
  for (var k = first * ${CHUNK}u + lane; k < end; k += ${LANES}u) {
    let i = slot.offset + k;
    let g = gradients[i] * known.x;
    gradients[i] = 0.0;
    if (known.x >= 0.0) {
      let update = g * inverseSqrt(secondMoment(slot, k, known.y));
      let value = values[i];
      values[i] = value - params.lr * h.lrScale * (h.decay * value + scale * update);
    }
  }
}
`,
};

const KERNELS = {
  columnParts: COLUMN_PARTS,
  rows: ROWS,
  columns: COLUMNS,
  chunkSums: CHUNK_SUMS,
  totals: TOTALS,
  update: UPDATE,
} as const;

/** One launch of a stage with a workgroup for each item of its work; `params` are those after `items`. */
export function planAdafactor(
  stage: keyof typeof KERNELS,
  items: number,
  params: LaunchPlan['params'] = [],
  clip: LaunchPlan['params'] = [],
): LaunchPlan {
  return { kernel: KERNELS[stage], params: [...clip, items, ...params], workgroups: linearWorkgroups(items) };
}
