import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { functionsAt } from './elementwise-expression.ts';
import { chooseRowLayout, rowEntry, rowReduceFunction } from './lib/row-reduce.wgsl.ts';
import type { MatmulFusion } from './matmul-spec.ts';

/*
 * Math     l_v = <h, W_v> / temperature, in chunks of the vocabulary.
 *          Forward, online over chunks, per row: m = max l, s = sum e^(l - m), t = sum e^(l - m) (l - m);
 *          when m rises to m', with f = e^(m - m'): t = f (t + s (m - m')), s = f s.
 *          At the end: lse = m + ln s, logp = l_target - lse, entropy = ln s - t / s.
 *          Backward, as the matmul that makes the logits again stores them, or in place after it: p_v = e^(l_v - lse);
 *          dl_v = dlogp ([v = target] - p_v) - dentropy p_v (l_v - lse + entropy).
 * Layout   logits [R, C]: a block of rows by a chunk of the vocabulary, the only score matrix that ever
 *          exists; state [3, R]; targets, logp, entropy, lse [R].
 * Dispatch LANES threads a row.
 * Memory   the forward sweep reads the chunk twice; backward, the chunk is written once.
 * Numerics f32; the maximum is subtracted, so logits of any size are safe. t is kept relative to m, so
 *          the entropy does not cancel.
 * Source   the online softmax of Milakov and Gimelshein, 2018; the chunking of "Cut your losses in
 *          large-vocabulary language models" (Wijmans et al., 2024).
 */

/** Bindings: logits, targets, state, logp, entropy, lse. The row count is that of the block. */
export function planLogProbsUpdate(
  rows: number,
  chunk: { readonly start: number; readonly width: number; readonly isFirst: boolean; readonly isLast: boolean },
  adapterClass: AdapterClass,
): LaunchPlan {
  const layout = chooseRowLayout(rows, chunk.width, adapterClass);
  const kernel: Kernel = {
    key: `linear-log-probs/update/${layout.lanes}x${layout.rowsPerGroup}`,
    label: 'tensor/linear-log-probs/update',
    bindings: [
      { name: 'logits', access: 'read', element: 'f32' },
      { name: 'targets', access: 'read', element: 'u32' },
      { name: 'state', access: 'read_write', element: 'f32' },
      { name: 'logp', access: 'read_write', element: 'f32' },
      { name: 'entropy', access: 'read_write', element: 'f32' },
      { name: 'lse', access: 'read_write', element: 'f32' },
    ],
    params: ['rows', 'start', 'width', 'isFirst', 'isLast'].map((name) => ({ name, type: 'u32' })),
    body: () => `${rowReduceFunction('max', layout, (a, b) => `max(${a}, ${b})`)}${rowReduceFunction('sum', layout, (a, b) => `${a} + ${b}`)}
${rowEntry(layout)}
  let base = row * params.width;
  var top = -3.4028234663852886e38;
  for (var j = lane; j < params.width; j += ${layout.lanes}u) { top = max(top, logits[base + j]); }
  top = reduceRow_max(top, lane, slot);
  var total = 0.0;
  var tilt = 0.0;
  for (var j = lane; j < params.width; j += ${layout.lanes}u) {
    let shifted = logits[base + j] - top;
    let weight = exp(shifted);
    total += weight;
    tilt += weight * shifted;
  }
  total = reduceRow_sum(total, lane, slot);
  tilt = reduceRow_sum(tilt, lane, slot);
  if (!inside || lane != 0u) { return; }
  if (params.isFirst == 0u) {
    let oldTop = state[row];
    let oldTotal = state[params.rows + row];
    let oldTilt = state[2u * params.rows + row];
    let newTop = max(top, oldTop);
    let down = exp(top - newTop);
    let oldDown = exp(oldTop - newTop);
    tilt = down * (tilt + total * (top - newTop)) + oldDown * (oldTilt + oldTotal * (oldTop - newTop));
    total = down * total + oldDown * oldTotal;
    top = newTop;
  }
  let wanted = targets[row] - params.start;
  if (wanted < params.width) { logp[row] = logits[base + wanted]; }
  if (params.isLast == 1u) {
    let logTotal = log(total);
    lse[row] = top + logTotal;
    // Relative to the maximum first: the difference of two large numbers would lose digits.
    logp[row] = (logp[row] - top) - logTotal;
    entropy[row] = logTotal - tilt / total;
  } else {
    state[row] = top;
    state[params.rows + row] = total;
    state[2u * params.rows + row] = tilt;
  }
}
`,
  };
  return {
    kernel,
    params: [rows, chunk.start, chunk.width, Number(chunk.isFirst), Number(chunk.isLast)],
    workgroups: linearWorkgroups(Math.ceil(rows / layout.rowsPerGroup)),
  };
}

/**
 * Turns logits into the gradients by them on their way out of the matmul. Operands: targets, lse, entropy,
 * dLogp, dEntropy, one value a row each.
 */
export const LOGITS_GRADIENT: MatmulFusion = {
  expression: {
    name: 'logits-gradient',
    expr: 'logits_gradient(x0, x1, x2, x3, x4, x5, COLUMN)',
    functions: `fn logits_gradient(l: T, wanted: TU, lse: T, entropy: T, d_logp: T, d_entropy: T, column: TU) -> T {
  let score = l - lse;
  let p = exp(score);
  return d_logp * (select(T(0.0), T(1.0), column == wanted) - p) - d_entropy * p * (score + entropy);
}`,
  },
  operands: ['ids', 'column', 'column', 'column', 'column'],
};

/**
 * The same in place, for weights whose codes and scales leave the matmul too few bindings: WebGPU promises 8. Bindings:
 * targets, lse, entropy, dLogp, dEntropy, logits.
 */
export function planLogitsGradient(rows: number, { start, width }: { start: number; width: number }): LaunchPlan {
  const count = rows * width;
  return {
    kernel: {
      key: 'linear-log-probs/logits-gradient',
      label: 'tensor/linear-log-probs/logits-gradient',
      bindings: [
        { name: 'targets', access: 'read', element: 'u32' },
        ...['lse', 'entropy', 'd_logp', 'd_entropy'].map((name) => ({ name, access: 'read' as const, element: 'f32' })),
        { name: 'logits', access: 'read_write', element: 'f32' },
      ],
      params: ['count', 'width', 'start'].map((name) => ({ name, type: 'u32' })),
      body: () => `
${functionsAt(LOGITS_GRADIENT.expression.functions ?? '', 1)}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.x + group.y * groups.x) * 64u + thread;
  if (i >= params.count) { return; }
  let row = i / params.width;
  let column = params.start + i % params.width;
  logits[i] = logits_gradient(logits[i], targets[row], lse[row], entropy[row], d_logp[row], d_entropy[row], column);
}
`,
    },
    params: [count, width, start],
    workgroups: linearWorkgroups(Math.ceil(count / 64)),
  };
}
