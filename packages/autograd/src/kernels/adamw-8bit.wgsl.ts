import { type Kernel, type LaunchPlan, linearWorkgroups } from '@dawngrad/tensor';
import { CLIP_BINDINGS, CLIP_FUNCTION, CLIP_PARAMS } from './gradient-clip.wgsl.ts';
import { HYPER_BINDING, HYPER_FUNCTIONS } from './group-hyper.wgsl.ts';

/** Values that share a scale. */
export const BLOCK = 256;

/*
 * Math     AdamW (adamw.wgsl.ts) with moments in 8 bits: m = scale * codebook[code], scale the largest |m| of
 *          a block of 256 values, code the nearest entry of the dynamic codebook (optim/dynamic-codebook.ts);
 *          v likewise with the codebook without signs. The update uses the new moments before they are rounded.
 * Numerics a v that is not 0 never rounds to 0: the next update would divide its m by eps alone.
 * Layout   values and gradients in vec4s; codes four to a word; scales [blocks] of (m, v);
 *          codebook [512]: with signs, then without.
 * Dispatch a workgroup of 64 a block, one thread four values.
 * Memory   reads 10 and writes 10 bytes a parameter, where AdamW moves 16 and 16.
 * Source   Dettmers et al., "8-bit optimizers via block-wise quantization", 2022.
 */
const KERNEL: Kernel = {
  key: 'adamw-8bit',
  label: 'autograd/adamw-8bit',
  bindings: [
    ...CLIP_BINDINGS,
    { name: 'codebook', access: 'read', element: 'f32' },
    { name: 'values', access: 'read_write', element: 'vec4<f32>' },
    { name: 'gradients', access: 'read_write', element: 'vec4<f32>' },
    { name: 'codes', access: 'read_write', element: 'vec2<u32>' },
    { name: 'scales', access: 'read_write', element: 'vec2<f32>' },
    HYPER_BINDING,
  ],
  params: [
    ...CLIP_PARAMS,
    { name: 'count', type: 'u32' },
    { name: 'groupRows', type: 'u32' },
    { name: 'lr', type: 'f32' },
    { name: 'step', type: 'f32' },
    { name: 'eps', type: 'f32' },
  ],
  body: () => `
${CLIP_FUNCTION}
${HYPER_FUNCTIONS}
var<workgroup> largest: array<vec2f, 64>;
fn decode(word: u32, base: u32) -> vec4f {
  return vec4f(
    codebook[base + (word & 0xffu)], codebook[base + ((word >> 8u) & 0xffu)],
    codebook[base + ((word >> 16u) & 0xffu)], codebook[base + (word >> 24u)]);
}
/** The entry nearest to x; the lower one of two that are as near. */
fn nearest(x: f32, base: u32) -> u32 {
  var low = 0u;
  for (var jump = 128u; jump > 0u; jump = jump / 2u) {
    if (codebook[base + low + jump] <= x) { low += jump; }
  }
  let high = min(low + 1u, 255u);
  return select(low, high, codebook[base + high] - x < x - codebook[base + low]);
}
fn encode(x: vec4f, base: u32) -> u32 {
  var word = 0u;
  for (var k = 0u; k < 4u; k++) {
    var code = nearest(x[k], base);
    if (base > 0u && x[k] > 0.0) { code = max(code, 1u); }
    word |= code << (8u * k);
  }
  return word;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = group.x + group.y * groups.x;
  let clip = gradientClip(lane, block == 0u);
  let i = block * 64u + lane;
  let inside = i < params.count;
  let at = min(i, params.count - 1u);
  let scaleAt = min(block, (params.count - 1u) / 64u);
  let h = hyperOf(at * 4u);
  let g = select(vec4f(0.0), gradients[at] * clip, inside);
  let scale = scales[scaleAt];
  let code = codes[at];
  let m = select(vec4f(0.0), h.beta1 * scale.x * decode(code.x, 0u) + h.rest1 * g, inside);
  let v = select(vec4f(0.0), h.beta2 * scale.y * decode(code.y, 256u) + h.rest2 * g * g, inside);
  let size = abs(m);
  largest[lane] = vec2f(max(max(size.x, size.y), max(size.z, size.w)), max(max(v.x, v.y), max(v.z, v.w)));
  workgroupBarrier();
  for (var span = 32u; span > 0u; span = span / 2u) {
    if (lane < span) { largest[lane] = max(largest[lane], largest[lane + span]); }
    workgroupBarrier();
  }
  let top = largest[0];
  if (!inside) { return; }
  gradients[i] = vec4f(0.0);
  if (clip < 0.0) { return; }
  if (lane == 0u) { scales[block] = top; }
  let c1 = biasCorrection(h.logBeta1, params.step);
  let c2 = biasCorrection(h.logBeta2, params.step);
  let update = (m / c1) / (sqrt(v / c2) + params.eps);
  let value = values[i];
  values[i] = value - params.lr * h.lrScale * (h.decay * value + update);
  // A block of zeros keeps the scale 0 with any code.
  let inverse = select(vec2f(0.0), 1.0 / top, top > vec2f(0.0));
  codes[i] = vec2u(encode(m * inverse.x, 0u), encode(v * inverse.y, 256u));
}
`,
};

/** Bindings: partials, stats, codebook, values, gradients, codes, scales, group table. */
export function planAdamw8bit(count: number, params: LaunchPlan['params']): LaunchPlan {
  return { kernel: KERNEL, params, workgroups: linearWorkgroups(Math.ceil(count / BLOCK)) };
}
