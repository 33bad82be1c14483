import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { declareStarts, declareValues, type MatmulOperand, range, valueAt, vectorAt } from './matmul-operand.wgsl.ts';
import type { WeightFormat } from './matmul-spec.ts';
import { loadFunction, operandBindings, WEIGHT_BYTES } from './matmul-weight.wgsl.ts';

/*
 * Math     logits l = alpha <h, W_v>, reduced as they are made: per row m = max l, s = sum e^(l - m),
 *          t = sum e^(l - m) (l - m), online over tiles of the vocabulary as in linear-log-probs.wgsl.ts; then
 *          lse = m + ln s, logp = l_target - lse, entropy = ln s - t / s.
 * Layout   hidden [N, D], weight [V, D] in any format and perhaps in row blocks, targets, logp, entropy, lse [N];
 *          parts [stretches, 3, N] where the vocabulary is cut into stretches, whose m, s and t a last launch brings
 *          together. A block is a launch of its own.
 * Dispatch a thread makes ROWS x COLUMNS logits in registers, as a register tile of matmul.wgsl.ts does, and
 *          walks along its stretch; LANES threads lie along the rows.
 * Memory   hidden once, weight once for every ROWS * LANES rows; no logit is ever stored. For drivers that run
 *          on a CPU: elsewhere a tile in registers alone is slower than blocks of logits in memory.
 * Numerics f32; a logit is the same sum as in the matmul. What a row gives depends on nothing but its own hidden
 *          state and the vocabulary: not on the other rows, nor on how many there are.
 * Source   Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.
 */

const ROWS = 8;
const COLUMNS = 16;
const LANES = 8;
/** Columns that one thread walks along: enough to hide what a second launch costs, few enough for both cores. */
const STRETCH = 1024;
const LOWEST = '-3.4028234663852886e38';

export interface LogProbsTilesPlan {
  /**
   * One a block with rows. Bindings: hidden, weight, [its scales], targets, logp, then entropy and lse, or the parts
   * if there is a last launch.
   */
  readonly tiles: readonly LaunchPlan[];
  /** Floats of the parts; 0 where one launch does it all. */
  readonly partElements: number;
  /** Bindings: parts, logp, entropy, lse. */
  readonly combine: LaunchPlan | undefined;
}

/** `blocks` are the rows of each block of the weight, none of them 0. */
export function planLogProbsTiles(
  rows: number,
  blocks: readonly number[],
  width: number,
  { alpha, format }: { readonly alpha: number; readonly format: WeightFormat },
): LogProbsTilesPlan {
  const stretchesOf = blocks.map((count) => Math.ceil(count / STRETCH));
  const stretches = stretchesOf.reduce((sum, count) => sum + count, 0);
  const vector = width % 4 === 0 ? 4 : 1;
  const isWhole = stretches === 1;
  const results = isWhole ? ['logp', 'entropy', 'lse'] : ['logp', 'parts'];
  const kernel: Kernel = {
    key: `log-probs-tiles/${format}/${vector}/${isWhole}`,
    label: 'tensor/linear-log-probs/tiles',
    bindings: [
      ...operandBindings('a', 'f32', vector),
      ...operandBindings('b', format, vector),
      { name: 'targets', access: 'read', element: 'u32' },
      ...results.map((name) => ({ name, access: 'read_write' as const, element: 'f32' })),
    ],
    params: [
      ...['m', 'n', 'k', 'stretches', 'stretch', 'start', 'part'].map((name) => ({ name, type: 'u32' as const })),
      { name: 'alpha', type: 'f32' },
    ],
    body: () => tilesBody(vector, isWhole, format),
  };
  let start = 0;
  let part = 0;
  const tiles = blocks.map((count, i): LaunchPlan => {
    const own = stretchesOf[i]!;
    const params = [rows, count, width, own, STRETCH, start, part, alpha];
    start += count;
    part += own;
    return {
      kernel,
      params,
      workgroups: linearWorkgroups(Math.ceil(rows / (ROWS * LANES)) * own),
      flops: 2 * rows * count * width,
      bytes: 4 * (rows * width + 4 * rows) + count * width * WEIGHT_BYTES[format],
    };
  });
  return {
    tiles,
    partElements: isWhole ? 0 : stretches * 3 * rows,
    combine: isWhole ? undefined : planCombine(rows, stretches),
  };
}

function tilesBody(vector: 1 | 4, isWhole: boolean, format: WeightFormat): string {
  const a: MatmulOperand = { name: 'a', contiguous: 'k', vector };
  const b: MatmulOperand = { name: 'b', contiguous: 'k', vector, format };
  const weights = (place: string): string => (format === 'f32' ? `b[${place}]` : `load_b(${place})`);
  const rows = range(ROWS);
  const runs = range(COLUMNS / 4);
  const advance = (steps: number): string => `${declareValues(a, ROWS, steps)}${declareValues(b, COLUMNS, steps)}
      ${range(steps)
        .flatMap((u) => runs.map((q) => `let run${q}_${u} = ${vectorAt(b, q, u)};`))
        .join('\n      ')}
      ${runs
        .flatMap((q) => rows.flatMap((i) => range(steps).map((u) => [q, i, u] as const)))
        .map(([q, i, u]) => `sum${i}_${q} = fma(vec4f(${valueAt(a, i, u)}), run${q}_${u}, sum${i}_${q});`)
        .join('\n      ')}`;
  return `${loadFunction('b', format, vector)}
struct Online { top: f32, total: f32, tilt: f32 }

/** Takes ${COLUMNS} logits in; those at or past \`left\` are not there. */
fn take(state: Online, left: u32, ${runs.map((q) => `l${q}: vec4f`).join(', ')}) -> Online {
  let lane = vec4<u32>(0u, 1u, 2u, 3u);
  ${runs.map((q) => `let in${q} = lane + ${4 * q}u < vec4<u32>(left);`).join('\n  ')}
  let peaks = ${runs.map((q) => `select(vec4f(${LOWEST}), l${q}, in${q})`).reduce((x, y) => `max(${x}, ${y})`)};
  let top = max(state.top, max(max(peaks.x, peaks.y), max(peaks.z, peaks.w)));
  // Nothing has been taken in yet: its maximum would only make infinities.
  let fall = select(0.0, state.top - top, state.total > 0.0);
  let down = exp(fall);
  ${runs.map((q) => `let s${q} = select(vec4f(-1e4), l${q} - top, in${q}); let w${q} = exp(s${q});`).join('\n  ')}
  return Online(
    top,
    fma(down, state.total, dot(${runs.map((q) => `w${q}`).join(' + ')}, vec4f(1.0))),
    fma(down, fma(state.total, fall, state.tilt), ${runs.map((q) => `dot(w${q}, s${q})`).join(' + ')}),
  );
}

fn finish(row: u32, stretch: u32, first: u32, last: u32, state: Online) {
  // A target in an earlier block wraps around to past the end of this one.
  let wanted = targets[row] - params.start;
  if (wanted >= first && wanted < last) {
    var sum = 0.0;
    for (var k = 0u; k < params.k / ${vector}u; k++) {
      let x = a[row * (params.k / ${vector}u) + k];
      let w = ${weights(`wanted * (params.k / ${vector}u) + k`)};
      ${vector === 4 ? 'sum = fma(x.w, w.w, fma(x.z, w.z, fma(x.y, w.y, fma(x.x, w.x, sum))));' : 'sum = fma(x, w, sum);'}
    }
    ${isWhole ? 'logp[row] = (params.alpha * sum - state.top) - log(state.total);' : 'logp[row] = params.alpha * sum;'}
  }
  ${
    isWhole
      ? `let log_total = log(state.total);
  lse[row] = state.top + log_total;
  entropy[row] = log_total - state.tilt / state.total;`
      : `let at = (params.part + stretch) * 3u * params.m + row;
  parts[at] = state.top;
  parts[at + params.m] = state.total;
  parts[at + 2u * params.m] = state.tilt;`
  }
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let index = group.x + group.y * groups.x;
  let stretch = index % params.stretches;
  let row = index / params.stretches * ${ROWS * LANES}u + thread * ${ROWS}u;
  if (row >= params.m) { return; }
  let first = stretch * params.stretch;
  let last = min(params.n, first + params.stretch);
  let ld_a = params.k / ${vector}u;
  let ld_b = ld_a;
  let base_a = 0u;
  let base_b = 0u;${declareStarts(
    a,
    rows.map((i) => `row + ${i}u`),
  )}
  // Loops over the rows, with an end that is no constant: drivers that run on a CPU would unroll them, and take
  // seconds to compile the softmax of every row.
  let rows_here = min(${ROWS}u, params.m - row);
  var states = array<Online, ${ROWS}>();
  for (var r = 0u; r < rows_here; r++) { states[r].top = ${LOWEST}; }
  let whole = params.k / 4u * 4u;
  for (var column = first; column < last; column += ${COLUMNS}u) {${declareStarts(
    b,
    range(COLUMNS).map((x) => `column + ${x}u`),
  )}
    ${rows.flatMap((i) => runs.map((q) => `var sum${i}_${q} = vec4f();`)).join('\n    ')}
    for (var k = 0u; k < whole; k += 4u) {${advance(4)}
    }${
      vector === 4
        ? ''
        : `
    for (var k = whole; k < params.k; k++) {${advance(1)}
    }`
    }
    var sums = array<vec4f, ${ROWS * runs.length}>(${rows.flatMap((i) => runs.map((q) => `sum${i}_${q}`)).join(', ')});
    for (var r = 0u; r < rows_here; r++) {
      states[r] = take(states[r], last - column, ${runs.map((q) => `params.alpha * sums[r * ${runs.length}u + ${q}u]`).join(', ')});
    }
  }
  for (var r = 0u; r < rows_here; r++) { finish(row + r, stretch, first, last, states[r]); }
}
`;
}

function planCombine(rows: number, stretches: number): LaunchPlan {
  return {
    kernel: {
      key: 'log-probs-tiles/combine',
      label: 'tensor/linear-log-probs/combine',
      bindings: [
        { name: 'parts', access: 'read', element: 'f32' },
        { name: 'logp', access: 'read_write', element: 'f32' },
        { name: 'entropy', access: 'read_write', element: 'f32' },
        { name: 'lse', access: 'read_write', element: 'f32' },
      ],
      params: [
        { name: 'm', type: 'u32' },
        { name: 'stretches', type: 'u32' },
      ],
      body: () => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (group.x + group.y * groups.x) * 64u + thread;
  if (row >= params.m) { return; }
  var top = parts[row];
  var total = parts[row + params.m];
  var tilt = parts[row + 2u * params.m];
  for (var stretch = 1u; stretch < params.stretches; stretch++) {
    let at = stretch * 3u * params.m + row;
    let other = parts[at];
    let higher = max(top, other);
    let down = exp(top - higher);
    let other_down = exp(other - higher);
    let other_total = parts[at + params.m];
    tilt = down * (tilt + total * (top - higher)) + other_down * (parts[at + 2u * params.m] + other_total * (other - higher));
    total = down * total + other_down * other_total;
    top = higher;
  }
  let log_total = log(total);
  lse[row] = top + log_total;
  // Relative to the maximum first: the difference of two large numbers would lose digits.
  logp[row] = (logp[row] - top) - log_total;
  entropy[row] = log_total - tilt / total;
}
`,
    },
    params: [rows, stretches],
    workgroups: linearWorkgroups(Math.ceil(rows / 64)),
  };
}
