import { ToolError } from '../errors.ts';
import { planMultinomialDraws, planMultinomialScores } from '../kernels/multinomial.wgsl.ts';
import { withoutObservers } from '../op.ts';
import { formatShape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { launchPlan } from './launch-plan.ts';
import { type RandomOptions, randomAddress } from './random.ts';
import { topK } from './sort.ts';

export interface MultinomialOptions extends RandomOptions {
  /** What the input holds: weights that need not sum to 1 (default), or their logarithms. */
  readonly of?: 'weights' | 'logits';
  /** Default true: each draw is from the whole row. */
  readonly replacement?: boolean;
}

/**
 * Draws positions along the last axis with probability proportional to the weights: u32 [..., count]. A draw is a pure
 * function of (seed, stream, step), its row, its number and the row's weights, by the Gumbel-max trick; the cost is one
 * random number a weight and draw with replacement, one a weight and a top-k without. Not seen by autograd.
 *
 * Weights that are 0, negative or NaN (logits of -inf or NaN) are never drawn with replacement; a row that has no other
 * gives 0xffffffff, which names no element. Without replacement they come last, where `count` asks for more than are left.
 *
 * @param weights f32 [..., V]
 * @throws ToolError 'shape' for no weights, or more draws without replacement than weights.
 */
export function multinomial(weights: Tensor, count: number, options: MultinomialOptions): Tensor {
  const { of = 'weights', replacement = true } = options;
  const width = weights.shape[weights.rank - 1] ?? 0;
  const isCount = Number.isInteger(count) && count >= 0 && (replacement || count <= width);
  if (width === 0 || weights.dtype !== 'f32' || !isCount) {
    throw new ToolError('shape', {
      op: 'multinomial',
      expected: `f32 weights [..., V] and ${replacement ? 'a count' : 'at most V draws'}`,
      got: `${weights.dtype} ${formatShape(weights.shape)} and ${count} draws`,
    });
  }
  const shape = weights.shape.slice(0, -1);
  const rows = weights.size / width;
  const { device } = weights;
  const spec = { rows, width, isLog: of === 'logits', ...randomAddress(options) };
  if (!replacement) {
    const scores = Tensor.empty(device, weights.shape, 'f32', 'tensor/multinomial/scores');
    if (scores.size > 0) launchPlan(planMultinomialScores(spec), [weights], [scores]);
    const { values, indices } = withoutObservers(() => topK(scores, count));
    scores.dispose();
    values.dispose();
    return indices;
  }
  const indices = Tensor.empty(device, [...shape, count], 'u32', 'tensor/multinomial');
  if (indices.size > 0) launchPlan(planMultinomialDraws(spec, count, device.adapterClass), [weights], [indices]);
  return indices;
}
