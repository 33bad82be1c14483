import { ToolError } from '../errors.ts';
import { planHistoryAppend } from '../kernels/history-append.wgsl.ts';
import { planSample, type SamplePlan, type SampleSettings } from '../kernels/sample.wgsl.ts';
import { isFiltered } from '../kernels/sample-tokens.wgsl.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import type { CacheRows } from './kv-cache.ts';
import { launchPlan } from './launch-plan.ts';

export type { SampleSettings } from '../kernels/sample.wgsl.ts';

/** Drawn tokens of B rows. */
export interface Sampled {
  /** u32 [B]. */
  readonly tokens: Tensor;
  /**
   * Log-probability of each token under softmax(logits / temperature): all tokens allowed and no penalty, as
   * training recomputes it. [B], nats.
   */
  readonly logps: Tensor;
}

/** The tokens that rows have had, prompt and completion; what a repetition penalty looks at. */
export interface TokenHistory {
  /** u32 [B, capacity]; `sample` writes the newest token of each row to its place, `appendHistory` any others. */
  readonly tokens: Tensor;
  /** u32 [B]: how many tokens of each row count, the newest included; 0 for an idle row. */
  readonly lengths: Tensor;
  /** u32 [B]: the newest token of each row, whose logits these are. */
  readonly newest: Tensor;
}

/**
 * Draws a token a row. The draw is a pure function of (seed, stream, row id, step), the row's logits and its
 * history: neither the batch nor the order of calls matters. One launch, or two for more than 4096 tokens. Not seen
 * by autograd. Throws ToolError 'shape', or 'config' for settings out of range.
 *
 * @param logits [B, V]
 * @param rowIds u32 [B], who each row is
 * @param steps u32 [B], how far each row has come
 * @param history what a repetition penalty other than 1 needs; without one it is not looked at
 */
export function sample(
  logits: Tensor,
  rowIds: Tensor,
  steps: Tensor,
  settings: SampleSettings,
  random: { readonly seed: number; readonly stream: number },
  history?: TokenHistory,
): Sampled {
  const { device } = logits;
  const [rows, vocabulary] = logits.shape as [number, number];
  if (logits.rank !== 2 || vocabulary === 0 || rowIds.size !== rows || steps.size !== rows) {
    throw new ToolError('shape', {
      op: 'sample',
      expected: 'logits [B, V] with row ids and steps [B]',
      got: `${formatShape(logits.shape)}, ${formatShape(rowIds.shape)}, ${formatShape(steps.shape)}`,
    });
  }
  checkSettings(settings, vocabulary);
  const isPenalised = (settings.repetitionPenalty ?? 1) !== 1;
  if (isPenalised) checkHistory(history, rows);
  const penalised = isPenalised ? history : undefined;
  const tokens = Tensor.empty(device, [rows], 'u32', 'tensor/sample/tokens');
  const logps = Tensor.empty(device, [rows], 'f32', 'tensor/sample/logps');
  if (rows === 0) return { tokens, logps };
  const plan = planSample({
    ...{ rows, vocabulary, settings, ...random },
    capacity: penalised?.tokens.shape[1],
    adapterClass: device.adapterClass,
  });
  launchSample(plan, [logits, rowIds, steps], penalised, [tokens, logps]);
  return { tokens, logps };
}

/** Records the launches of a plan. The inputs are logits, row ids and steps, the outputs tokens and logps. */
export function launchSample(
  { scan, draw, spec, sizes }: SamplePlan,
  inputs: readonly [Tensor, Tensor, Tensor],
  history: TokenHistory | undefined,
  outputs: readonly [Tensor, Tensor],
): void {
  const [logits] = inputs;
  const past = history === undefined ? [] : [history.lengths, history.newest];
  const tokens = history === undefined ? [] : [history.tokens];
  if (scan === undefined) {
    launchPlan(draw, [...inputs, ...past], [...tokens, ...outputs]);
    return;
  }
  const scratch = (size: number, role: string, dtype: 'f32' | 'u32'): Tensor[] =>
    size === 0 ? [] : [Tensor.empty(logits.device, [size], dtype, `tensor/sample/${role}`)];
  const stats = scratch(sizes.stats, 'stats', 'f32');
  const seen = scratch(sizes.seen, 'seen', 'u32');
  const list = scratch(sizes.list, 'list', 'u32');
  launchPlan(scan, [...(isFiltered(spec) ? [logits] : inputs), ...past], [...tokens, ...stats, ...seen]);
  launchPlan(draw, [...inputs, ...seen, ...stats], [...list, ...outputs]);
  for (const tensor of [...stats, ...seen, ...list]) tensor.dispose();
}

/**
 * Writes ids[source] to the history's place (slot, position), for every row of `rows`; those that lie outside are
 * left out. ids u32 [N], history u32 [B, capacity]. In place, one launch. Throws ToolError 'shape'.
 */
export function appendHistory(history: Tensor, ids: Tensor, rows: CacheRows): void {
  if (history.dtype !== 'u32' || history.rank !== 2 || ids.dtype !== 'u32' || ids.rank !== 1) {
    throw new ToolError('shape', {
      op: 'appendHistory',
      expected: 'a history u32 [B, capacity] and ids u32 [N]',
      got: [history, ids].map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', '),
    });
  }
  const count = rows.source.size;
  if (count === 0) return;
  const [batch, capacity] = history.shape as [number, number];
  launchPlan(
    planHistoryAppend({ count, batch, capacity, ids: ids.size }),
    [ids, rows.source, rows.slot, rows.position],
    [history],
  );
}

/** Ids travel between the launches as f32. */
const MOST_TOKENS = 2 ** 24;

function checkSettings(settings: SampleSettings, vocabulary: number): void {
  const { temperature, topK, topP, minP, repetitionPenalty = 1 } = settings;
  const fits =
    temperature >= 0 &&
    topK >= 0 &&
    topP > 0 &&
    topP <= 1 &&
    minP >= 0 &&
    minP <= 1 &&
    repetitionPenalty > 0 &&
    Number.isFinite(repetitionPenalty);
  if (!fits) {
    throw new ToolError('config', {
      op: 'sample',
      expected: 'temperature >= 0, topK >= 0, 0 < topP <= 1, 0 <= minP <= 1, repetitionPenalty > 0',
      got: JSON.stringify(settings),
    });
  }
  if (vocabulary > MOST_TOKENS) {
    throw new ToolError('limit', { op: 'sample', expected: `at most ${MOST_TOKENS} tokens`, got: `${vocabulary}` });
  }
}

function checkHistory(history: TokenHistory | undefined, rows: number): asserts history is TokenHistory {
  const fits =
    history !== undefined &&
    history.tokens.rank === 2 &&
    history.tokens.shape[0] === rows &&
    [history.lengths, history.newest].every(({ size }) => size === rows) &&
    [history.tokens, history.lengths, history.newest].every(({ dtype }) => dtype === 'u32');
  if (fits) return;
  const got = history === undefined ? [] : [history.tokens, history.lengths, history.newest];
  throw new ToolError('shape', {
    op: 'sample',
    expected: `for a repetition penalty a history of tokens u32 [${rows}, capacity] with lengths and newest u32 [${rows}]`,
    got: history === undefined ? 'none' : got.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', '),
  });
}
