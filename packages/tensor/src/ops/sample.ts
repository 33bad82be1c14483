import { ToolError } from '../errors.ts';
import { planSample, type SampleSettings } from '../kernels/sample.wgsl.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';

export type { SampleSettings } from '../kernels/sample.wgsl.ts';

/** Drawn tokens of B rows. */
export interface Sampled {
  /** u32 [B]. */
  readonly tokens: Tensor;
  /** Log-probability of each token under softmax(logits / temperature), all tokens allowed. [B], nats. */
  readonly logps: Tensor;
}

/**
 * Draws a token a row. The draw is a pure function of (seed, stream, row id, step) and the row's logits:
 * neither the batch nor the order of calls matters. Not seen by autograd.
 *
 * @param logits [B, V]
 * @param rowIds u32 [B], who each row is
 * @param steps u32 [B], how far each row has come
 */
export function sample(
  logits: Tensor,
  rowIds: Tensor,
  steps: Tensor,
  settings: SampleSettings,
  random: { readonly seed: number; readonly stream: number },
): Sampled {
  const [rows, vocabulary] = logits.shape;
  const { temperature, topK, topP, minP } = settings;
  if (logits.rank !== 2 || vocabulary === 0 || rowIds.size !== rows || steps.size !== rows) {
    throw new ToolError('shape', {
      op: 'sample',
      expected: 'logits [B, V] with row ids and steps [B]',
      got: `${formatShape(logits.shape)}, ${formatShape(rowIds.shape)}, ${formatShape(steps.shape)}`,
    });
  }
  if (!(temperature >= 0) || !(topK >= 0) || !(topP > 0 && topP <= 1) || !(minP >= 0 && minP <= 1)) {
    throw new ToolError('config', {
      op: 'sample',
      expected: 'temperature >= 0, topK >= 0, 0 < topP <= 1, 0 <= minP <= 1',
      got: JSON.stringify(settings),
    });
  }
  const tokens = Tensor.empty(logits.device, [rows!], 'u32', 'tensor/sample/tokens');
  const logps = Tensor.empty(logits.device, [rows!], 'f32', 'tensor/sample/logps');
  if (rows! > 0)
    launchPlan(
      planSample(rows!, vocabulary!, settings, random.seed, random.stream, logits.device.adapterClass),
      [logits, rowIds, steps],
      [tokens, logps],
    );
  return { tokens, logps };
}
