import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';
import { CLIP_BINDINGS, CLIP_FUNCTION, CLIP_PARAMS } from './gradient-clip.wgsl.ts';
import { HYPER_BINDING, HYPER_FUNCTIONS } from './group-hyper.wgsl.ts';

/*
 * Math     for a matrix, with g' = g clip:  b = mu b + g';  U = g' + mu b (Nesterov), or b
 *          O = Newton-Schulz of U / (|U| + 1e-7) (optim/newton-schulz.ts);  p = p - lr s (wd p + a O)
 *          with a from the shape of the matrix. Other parameters take AdamW's step (adamw.wgsl.ts). A step
 *          with a non-finite gradient leaves p and the moments alone.
 * Layout   arenas as everywhere; the matrices of one shape lie side by side in `staged`, without padding. Behind
 *          the groups of the slots the table has 4 words for each block of 64 elements of the arena: 1 for a
 *          matrix; the block's place in `staged`, or in `second`; how many of its elements count; the
 *          factor a, as f32.
 * Dispatch prepare and apply: one thread an element. norm: 64 workgroups a matrix. scale: one thread an element.
 * Memory   prepare reads 3 to 4 and writes 3 values per parameter, apply reads 2 and writes 1.
 * Source   Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; the factor
 *          0.2 sqrt(max(rows, columns)): Liu et al., "Muon is scalable for LLM training", 2025.
 */
export const BLOCK_WORDS = 4;
/** Partial sums of the norm of one matrix. */
export const NORM_PARTS = 64;
const ENTRY = `
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let workgroup = group.x + group.y * groups.x;`;

const BLOCK_FUNCTION = `
struct Block { isMatrix: bool, place: u32, count: u32, factor: f32 }
fn blockOf(element: u32) -> Block {
  let at = params.blockTable + element / 64u * ${BLOCK_WORDS}u;
  return Block(groupTable[at] == 1u, groupTable[at + 1u], groupTable[at + 2u], bitcast<f32>(groupTable[at + 3u]));
}`;

function prepareKernel(nesterov: boolean): Kernel {
  return {
    key: `muon/prepare/${nesterov ? 'nesterov' : 'plain'}`,
    label: 'autograd/muon/prepare',
    bindings: [
      ...CLIP_BINDINGS,
      ...['values', 'gradients', 'first', 'second', 'staged'].map((name) => ({
        name,
        access: 'read_write' as const,
        element: 'f32',
      })),
      HYPER_BINDING,
    ],
    params: [
      ...CLIP_PARAMS,
      { name: 'count', type: 'u32' },
      { name: 'groupRows', type: 'u32' },
      { name: 'blockTable', type: 'u32' },
      { name: 'lr', type: 'f32' },
      { name: 'step', type: 'f32' },
      { name: 'eps', type: 'f32' },
      { name: 'momentum', type: 'f32' },
    ],
    body: () => `${CLIP_FUNCTION}${HYPER_FUNCTIONS}${BLOCK_FUNCTION}
@compute @workgroup_size(256)${ENTRY}
  let clip = gradientClip(lane, workgroup == 0u);
  let i = workgroup * 256u + lane;
  if (i >= params.count) { return; }
  let block = blockOf(i);
  let within = i % 64u;
  if (within >= block.count) { return; }
  let g = gradients[i] * clip;
  gradients[i] = 0.0;
  if (block.isMatrix) {
    if (clip < 0.0) {
      staged[block.place + within] = 0.0;
      return;
    }
    let b = params.momentum * first[i] + g;
    first[i] = b;
    staged[block.place + within] = ${nesterov ? 'g + params.momentum * b' : 'b'};
    return;
  }
  if (clip < 0.0) { return; }
  let h = hyperOf(i);
  let k = block.place + within;
  let m = h.beta1 * first[i] + h.rest1 * g;
  let v = h.beta2 * second[k] + h.rest2 * g * g;
  first[i] = m;
  second[k] = v;
  let c1 = biasCorrection(h.logBeta1, params.step);
  let c2 = biasCorrection(h.logBeta2, params.step);
  let value = values[i];
  values[i] = value - params.lr * h.lrScale * (h.decay * value + (m / c1) / (sqrt(v / c2) + params.eps));
}
`,
  };
}

const NORM: Kernel = {
  key: 'muon/norm',
  label: 'autograd/muon/norm',
  bindings: [
    { name: 'staged', access: 'read', element: 'f32' },
    { name: 'sums', access: 'read_write', element: 'f32' },
  ],
  params: ['size', 'matrices'].map((name) => ({ name, type: 'u32' })),
  body: () => `
var<workgroup> pool: array<f32, 64>;
@compute @workgroup_size(64)${ENTRY}
  let matrix = min(workgroup / ${NORM_PARTS}u, params.matrices - 1u);
  let part = workgroup % ${NORM_PARTS}u;
  var total = 0.0;
  for (var k = part * 64u + lane; k < params.size; k += ${NORM_PARTS * 64}u) {
    let value = staged[matrix * params.size + k];
    total += value * value;
  }
  pool[lane] = total;
  workgroupBarrier();
  for (var span = 32u; span > 0u; span = span / 2u) {
    if (lane < span) { pool[lane] += pool[lane + span]; }
    workgroupBarrier();
  }
  if (lane == 0u && workgroup < params.matrices * ${NORM_PARTS}u) { sums[workgroup] = pool[0]; }
}
`,
};

const SCALE: Kernel = {
  key: 'muon/scale',
  label: 'autograd/muon/scale',
  bindings: [
    { name: 'sums', access: 'read', element: 'f32' },
    { name: 'staged', access: 'read_write', element: 'f32' },
  ],
  params: ['size', 'count'].map((name) => ({ name, type: 'u32' })),
  body: () => `
@compute @workgroup_size(256)${ENTRY}
  let first = (workgroup * 256u + lane) * 16u;
  if (first >= params.count) { return; }
  var matrix = 0xffffffffu;
  var factor = 0.0;
  for (var i = first; i < min(first + 16u, params.count); i++) {
    if (i / params.size != matrix) {
      matrix = i / params.size;
      var total = 0.0;
      for (var part = 0u; part < ${NORM_PARTS}u; part++) { total += sums[matrix * ${NORM_PARTS}u + part]; }
      factor = 1.0 / (sqrt(total) + 1e-7);
    }
    staged[i] *= factor;
  }
}
`,
};

const APPLY: Kernel = {
  key: 'muon/apply',
  label: 'autograd/muon/apply',
  bindings: [
    ...CLIP_BINDINGS,
    { name: 'staged', access: 'read', element: 'f32' },
    { name: 'values', access: 'read_write', element: 'f32' },
    HYPER_BINDING,
  ],
  params: [
    ...CLIP_PARAMS,
    { name: 'count', type: 'u32' },
    { name: 'groupRows', type: 'u32' },
    { name: 'blockTable', type: 'u32' },
    { name: 'lr', type: 'f32' },
  ],
  body: () => `${CLIP_FUNCTION}${HYPER_FUNCTIONS}${BLOCK_FUNCTION}
@compute @workgroup_size(256)${ENTRY}
  let clip = gradientClip(lane, false);
  let i = workgroup * 256u + lane;
  if (i >= params.count || clip < 0.0) { return; }
  let block = blockOf(i);
  let within = i % 64u;
  if (!block.isMatrix || within >= block.count) { return; }
  let h = hyperOf(i);
  let value = values[i];
  values[i] = value - params.lr * h.lrScale * (h.decay * value + block.factor * staged[block.place + within]);
}
`,
};

/** Bindings: partials, stats, values, gradients, first, second, staged, group table. */
export function planMuonPrepare(nesterov: boolean, count: number, params: LaunchPlan['params']): LaunchPlan {
  return { kernel: prepareKernel(nesterov), params, workgroups: linearWorkgroups(Math.ceil(count / 256)) };
}

/** Bindings: staged, sums. */
export function planMuonNorm(size: number, matrices: number): LaunchPlan {
  return { kernel: NORM, params: [size, matrices], workgroups: linearWorkgroups(matrices * NORM_PARTS) };
}

/** Bindings: sums, staged. */
export function planMuonScale(size: number, matrices: number): LaunchPlan {
  const count = size * matrices;
  return { kernel: SCALE, params: [size, count], workgroups: linearWorkgroups(Math.ceil(count / 4096)) };
}

/** Bindings: partials, stats, staged, values, group table. */
export function planMuonApply(count: number, params: LaunchPlan['params']): LaunchPlan {
  return { kernel: APPLY, params, workgroups: linearWorkgroups(Math.ceil(count / 256)) };
}
