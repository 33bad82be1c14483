import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { PHILOX_WGSL } from './lib/philox.wgsl.ts';

/*
 * Math     Gumbel-max: token = argmax over allowed v of (l_v / temperature - ln(-ln u_v)), which is a draw
 *          from the softmax over the allowed tokens. u_v comes from Philox at counter
 *          (v, step of the row, id of the row), so a draw depends on neither the batch nor the launch.
 *          Allowed: l_v among the topK largest; then the smallest set of the most likely tokens whose mass
 *          (renormalised after top-k) reaches topP; then p_v >= minP max p. Thresholds are found by a
 *          search on the ordered bits of the logits, so ties at a threshold are all kept.
 *          logp = l_token / temperature - ln sum over ALL v of e^(l_v / temperature): the quantity that
 *          training computes for the same token.
 *          Temperature 0: argmax, smallest id on ties; logp at temperature 1.
 * Layout   logits [B, V]; rowIds, steps u32 [B]; tokens u32 [B]; logps f32 [B].
 * Dispatch a workgroup of LANES threads a row.
 * Memory   one read of the row for the maximum, one for the sum, one for the draw; 11 more for top-p, at most
 *          as many for top-k.
 * Source   Gumbel-max: Maddison et al., "A* sampling", 2014. min-p: Nguyen et al., 2024.
 */
/** The lanes do not depend on the number of rows: a row's results are the same bits in every batch. */
const LANES: Readonly<Record<AdapterClass, number>> = { cpu: 8, gpu: 64 };

/** How tokens are drawn from logits; top-k, top-p and min-p cut in this order. */
export interface SampleSettings {
  /** 0 means greedy. */
  readonly temperature: number;
  /** Keep the k most likely tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the most likely tokens up to this mass; 1 keeps all. */
  readonly topP: number;
  /** Keep tokens at least this likely relative to the most likely; 0 keeps all. */
  readonly minP: number;
}

/** Bindings: logits, rowIds, steps, tokens, logps. */
export function planSample(
  rows: number,
  vocabulary: number,
  settings: SampleSettings,
  seed: number,
  stream: number,
  adapterClass: AdapterClass,
  lanes = LANES[adapterClass],
): LaunchPlan {
  const greedy = settings.temperature === 0;
  const useTopK = !greedy && settings.topK > 0 && settings.topK < vocabulary;
  const useTopP = !greedy && settings.topP < 1;
  const kernel: Kernel = {
    key: `sample/${greedy}/${useTopK}/${useTopP}/${lanes}`,
    label: 'tensor/sample',
    bindings: [
      { name: 'logits', access: 'read', element: 'f32' },
      { name: 'rowIds', access: 'read', element: 'u32' },
      { name: 'steps', access: 'read', element: 'u32' },
      { name: 'tokens', access: 'read_write', element: 'u32' },
      { name: 'logps', access: 'read_write', element: 'f32' },
    ],
    params: [
      { name: 'rows', type: 'u32' },
      { name: 'vocabulary', type: 'u32' },
      { name: 'seed', type: 'u32' },
      { name: 'stream', type: 'u32' },
      { name: 'topK', type: 'u32' },
      { name: 'inverseTemperature', type: 'f32' },
      { name: 'topP', type: 'f32' },
      { name: 'logMinP', type: 'f32' },
    ],
    body: () => sampleBody(greedy, useTopK, useTopP, lanes),
  };
  // ln 0 has no value to pass: this lies below every difference of finite logits that matters.
  const logMinP = settings.minP > 0 ? Math.log(settings.minP) : -3.0e38;
  return {
    kernel,
    params: [
      rows,
      vocabulary,
      seed,
      stream,
      settings.topK,
      greedy ? 1 : 1 / settings.temperature,
      settings.topP,
      logMinP,
    ],
    workgroups: linearWorkgroups(rows),
  };
}

/**
 * The largest key such that `measure` of the tokens at or above it still reaches `goal`: three bits a sweep,
 * as a token costs a load however many keys it is compared with. `exact` stops where the goal is met exactly.
 */
function thresholdSearch(name: string, measure: string, goal: string, exact: boolean, lanes: number): string {
  return `
  {
    var prefix = 0u;
    var shift = 29u;
    loop {
      let step = 1u << shift;
      var low_part = vec4f();
      var high_part = vec4f();
      for (var v = lane; v < params.vocabulary; v += ${lanes}u) {
        let key = orderedKey(logits[base + v]);
        if (key >= max(prefix, threshold)) {
          let weight = ${measure};
          let above = vec4u(key - prefix);
          low_part += select(vec4f(), vec4f(weight), above >= vec4u(1u, 2u, 3u, 4u) * step);
          high_part += select(vec4f(), vec4f(weight), above >= vec4u(5u, 6u, 7u, 7u) * step);
        }
      }
      let sums = foldSums(low_part, high_part, lane);
      let reached = select(vec4u(), vec4u(1u), sums.low >= vec4f(${goal}));
      let reached_high = select(vec4u(), vec4u(1u, 1u, 1u, 0u), sums.high >= vec4f(${goal}));
      let digit = reached.x + reached.y + reached.z + reached.w + reached_high.x + reached_high.y + reached_high.z;
      prefix += digit * step;
      ${exact ? `if (any(sums.low == vec4f(${goal})) || any(sums.high == vec4f(${goal}))) { break; }` : ''}
      if (shift == 0u) { break; }
      // The last sweep looks at one bit again, which finds no more than before.
      shift = max(shift, 3u) - 3u;
    }
    threshold = max(threshold, prefix); // ${name}
  }`;
}

function foldSumsFunction(lanes: number): string {
  return `
struct Sums { low: vec4f, high: vec4f }
var<workgroup> low_sums: array<vec4f, ${lanes}>;
var<workgroup> high_sums: array<vec4f, ${lanes}>;
fn foldSums(low: vec4f, high: vec4f, lane: u32) -> Sums {
  low_sums[lane] = low;
  high_sums[lane] = high;
  workgroupBarrier();
  for (var span = ${lanes / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) {
      low_sums[lane] += low_sums[lane + span];
      high_sums[lane] += high_sums[lane + span];
    }
    workgroupBarrier();
  }
  return Sums(workgroupUniformLoad(&low_sums[0]), workgroupUniformLoad(&high_sums[0]));
}`;
}

function sampleBody(greedy: boolean, useTopK: boolean, useTopP: boolean, lanes: number): string {
  const weight = 'exp((logits[base + v] - top) * params.inverseTemperature)';
  const sum = (name: string, condition: string): string => `
  var ${name}Part = 0.0;
  for (var v = lane; v < params.vocabulary; v += ${lanes}u) { if (${condition}) { ${name}Part += ${weight}; } }
  let ${name} = foldSum(${name}Part, lane);`;
  return `${greedy ? '' : PHILOX_WGSL}
var<workgroup> values: array<f32, ${lanes}>;
var<workgroup> indices: array<u32, ${lanes}>;

/* Unsigned integers in the order of the floats. */
fn orderedKey(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
fn foldSum(value: f32, lane: u32) -> f32 {
  values[lane] = value;
  workgroupBarrier();
  for (var span = ${lanes / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) { values[lane] += values[lane + span]; }
    workgroupBarrier();
  }
  let total = workgroupUniformLoad(&values[0]);
  return total;
}
${useTopK || useTopP ? foldSumsFunction(lanes) : ''}
/* The largest value with the smallest index that has it. */
fn foldBest(value: f32, index: u32, lane: u32) -> u32 {
  values[lane] = value;
  indices[lane] = index;
  workgroupBarrier();
  for (var span = ${lanes / 2}u; span > 0u; span = span / 2u) {
    if (lane < span) {
      let other = values[lane + span];
      if (other > values[lane] || (other == values[lane] && indices[lane + span] < indices[lane])) {
        values[lane] = other;
        indices[lane] = indices[lane + span];
      }
    }
    workgroupBarrier();
  }
  return workgroupUniformLoad(&indices[0]);
}

@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= params.rows) { return; }
  let base = row * params.vocabulary;
  var best = -3.4028234663852886e38;
  var bestIndex = 0xffffffffu;
  for (var v = lane; v < params.vocabulary; v += ${lanes}u) {
    if (logits[base + v] > best || bestIndex == 0xffffffffu) { best = logits[base + v]; bestIndex = v; }
  }
  let topIndex = foldBest(best, bestIndex, lane);
  let top = logits[base + topIndex];${sum('total', 'true')}
  ${
    greedy
      ? 'let token = topIndex;'
      : `var threshold = 0u;
  ${useTopK ? thresholdSearch('top-k', '1.0', 'f32(params.topK)', true, lanes) : ''}
  ${useTopP ? `${sum('kept', 'orderedKey(logits[base + v]) >= threshold')}${thresholdSearch('top-p', weight, 'params.topP * kept', false, lanes)}` : ''}
  let rowId = rowIds[row];
  let step = steps[row];
  best = -3.4028234663852886e38;
  bestIndex = 0xffffffffu;
  for (var v = lane; v < params.vocabulary; v += ${lanes}u) {
    let scaled = (logits[base + v] - top) * params.inverseTemperature;
    if (orderedKey(logits[base + v]) < threshold || scaled < params.logMinP) { continue; }
    let word = philox(vec4u(v, step, rowId, 0u), vec2u(params.seed, params.stream)).x;
    // In (0, 1), never 0 or 1: both logarithms stay finite.
    let u = (f32(word >> 9u) + 0.5) * 1.1920928955078125e-7;
    let noisy = scaled - log(-log(u));
    if (noisy > best || bestIndex == 0xffffffffu) { best = noisy; bestIndex = v; }
  }
  let token = foldBest(best, bestIndex, lane);`
  }
  if (lane == 0u) {
    tokens[row] = token;
    logps[row] = (logits[base + token] - top) * params.inverseTemperature - log(total);
  }
}
`;
}
