import type { AdapterClass } from '../gpu/adapter.ts';
import { linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { ScalarLike } from '../scalar.ts';
import { keyFunctions } from './lib/float-key.wgsl.ts';
import { PHILOX_WGSL } from './lib/philox.wgsl.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';

/*
 * Math     score_v = l_v - ln(-ln u_v) with l the log-weights: the v of the largest score is a draw with
 *          probability w_v / sum w, and the order of the k largest is one of k draws without replacement.
 *          u_v comes from Philox at counter (v, step, row, draw).
 * Layout   weights [N, V], contiguous: log-weights, or weights whose logarithm is taken. 'draws': indices u32
 *          [N, S], each from scores of its own. 'scores': scores [N, V] for a top-k, those of draw 0.
 * Dispatch LANES threads a draw; a thread a score.
 * Memory   a draw reads its row once.
 * Numerics scores are compared as integers; a weight that is 0, negative or NaN is never drawn, and a row
 *          without any other gives index 0xffffffff.
 * Source   Gumbel-max and top-k: Vieira, "Gumbel-max trick and weighted reservoir sampling", 2014; Kool et al.,
 *          "Stochastic beams and where to find them", 2019.
 */

export interface MultinomialSpec {
  readonly rows: number;
  readonly width: number;
  readonly isLog: boolean;
  readonly seed: ScalarLike;
  readonly stream: number;
  readonly step: ScalarLike;
}

/** WGSL \`score_of(row, v, draw) -> u32\`: the ordered key of the score; 0 for what is never drawn. */
function scoreFunction(isLog: boolean): string {
  // Above the key of -inf and below those of NaN, by bits.
  const isDrawn = isLog
    ? 'key_of(weight) > 0x007fffffu && key_of(weight) != 0xffffffffu'
    : 'key_of(weight) > 0x80000000u && key_of(weight) != 0xffffffffu';
  return `${PHILOX_WGSL}${keyFunctions('f32')}
fn score_of(row: u32, v: u32, draw: u32) -> u32 {
  let weight = weights[row * params.width + v];
  if (!(${isDrawn})) { return 0u; }
  let word = philox(vec4u(v, params.step, row, draw), vec2u(params.seed, params.stream)).x;
  // In (0, 1), never 0 or 1: both logarithms stay finite.
  let u = (f32(word >> 9u) + 0.5) * 1.1920928955078125e-7;
  return key_of(${isLog ? 'weight' : 'log(weight)'} - log(-log(u)));
}
`;
}

const PARAMS = ['rows', 'width', 'draws', 'seed', 'stream', 'step'].map((name) => ({ name, type: 'u32' as const }));

/** Bindings: weights, indices u32 [N, draws]. */
export function planMultinomialDraws(spec: MultinomialSpec, draws: number, adapterClass: AdapterClass): LaunchPlan {
  const { rows, width, isLog, seed, stream, step } = spec;
  const layout = chooseRowLayout(rows * draws, width, adapterClass);
  return {
    kernel: {
      key: `multinomial-draws/${isLog}/${layout.lanes}x${layout.rowsPerGroup}`,
      label: 'tensor/multinomial/draws',
      bindings: [
        { name: 'weights', access: 'read', element: 'f32' },
        { name: 'indices', access: 'read_write', element: 'u32' },
      ],
      params: PARAMS,
      body: () => `${scoreFunction(isLog)}
fn better(a: vec2u, b: vec2u) -> vec2u { return select(a, b, b.x > a.x || (b.x == a.x && b.y < a.y)); }
${rowReduceFunction('best', layout, (a, b) => `better(${a}, ${b})`, 'vec2u')}
${rowEntry(layout)}
  var best = vec2u(0u, 0xffffffffu);
  for (var v = lane; v < params.width; v += ${layout.lanes}u) {
    let score = score_of(row / params.draws, v, row % params.draws);
    if (score > best.x) { best = vec2u(score, v); }
  }
  best = reduceRow_best(best, lane, slot);
  if (inside && lane == 0u) { indices[row] = best.y; }
}
`,
    },
    params: [rows * draws, width, draws, seed, stream, step],
    workgroups: linearWorkgroups(Math.ceil((rows * draws) / layout.rowsPerGroup)),
  };
}

/** Bindings: weights, scores f32 [N, V]; -inf where nothing is drawn. */
export function planMultinomialScores(spec: MultinomialSpec): LaunchPlan {
  const { rows, width, isLog, seed, stream, step } = spec;
  return {
    kernel: {
      key: `multinomial-scores/${isLog}`,
      label: 'tensor/multinomial/scores',
      bindings: [
        { name: 'weights', access: 'read', element: 'f32' },
        { name: 'scores', access: 'read_write', element: 'f32' },
      ],
      params: PARAMS,
      body: () => `${scoreFunction(isLog)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * 64u + lane;
  if (i >= params.rows * params.width) { return; }
  scores[i] = value_of(max(score_of(i / params.width, i % params.width, 0u), 0x007fffffu));
}
`,
    },
    params: [rows, width, 1, seed, stream, step],
    workgroups: linearWorkgroups(Math.ceil((rows * width) / 64)),
  };
}
