import { multiply, sum, Tensor, ToolError } from '@dawngrad/tensor';
import { microBatches } from '../../loss/micro-batches.ts';
import { traceLength } from '../../loss/token-rows.ts';
import type { TraceRecord } from '../../record.ts';
import { countMarks } from './count-marks.ts';
import { gradientPenalty, type Interpolate } from './gradient-penalty.ts';
import type { CriticObjective, ObjectiveUpdate } from './objective.ts';

/** As in the paper. */
const PENALTY_WEIGHT = 10;

/**
 * The Wasserstein critic with a gradient penalty (Gulrajani et al., "Improved training of Wasserstein GANs", 2017):
 * L = mean f(negatives) - mean f(experts) + c mean over pairs of (|grad_x F(x)| - 1)^2, where the means are over marks with
 * exact global counts. x, F and the norm are those of `gradientPenalty`. The negated first two terms estimate the
 * distance. Labels are not smoothed: there are none.
 */
export const wasserstein: CriticObjective = {
  unit: 'mark',
  hasBorder: false,
  kinds: ['plain'],
  prepare: (update) => {
    const { device, critic, task, examples, parts, options, microBatchTokens } = update;
    if (critic.pooling !== 'last') {
      throw new ToolError('config', {
        op: 'critic.pooling, critic.loss',
        expected: 'a critic that reads single tokens (pooling last), for the gradient penalty',
        got: critic.pooling,
      });
    }
    const marks = countMarks(examples);
    if (marks.positive === 0 || marks.negative === 0) {
      throw new ToolError('failed', {
        op: 'critic update',
        expected: 'at least one positive and one negative',
        got: `${marks.positive} marked tokens of positives, ${marks.negative} of negatives`,
      });
    }
    const weight = options.penaltyWeight ?? PENALTY_WEIGHT;
    const pairs = weight === 0 ? [] : interpolates(update);
    const groups = microBatches(pairs, ({ shorter }) => traceLength(shorter), microBatchTokens);
    return {
      partLoss: (part, { batch, firstRows, logits }) => {
        const weights = new Float32Array(batch.rows);
        parts[part]!.forEach(({ record, side }, i) => {
          const each = side === 'positive' ? -1 / marks.positive : 1 / marks.negative;
          for (const mark of record.marks) weights[firstRows[i]! + mark] = each;
        });
        return sum(multiply(logits, Tensor.from(device, weights, [batch.rows], 'f32', 'airl/critic/weights')));
      },
      terms: groups.map((group) => () => gradientPenalty(critic, task, group, weight / pairs.length)),
    };
  },
};

/** Pairs of an expert and a negative of its prompt, with where between them: random experts, a random negative of each. */
function interpolates({ examples, options, draws: drawsOf }: ObjectiveUpdate): Interpolate[] {
  const negatives = new Map<string, TraceRecord[]>();
  for (const { record, side } of examples) {
    if (side === 'negative') negatives.set(record.promptId, [...(negatives.get(record.promptId) ?? []), record]);
  }
  const experts = examples.filter(({ record, side }) => side === 'positive' && negatives.has(record.promptId));
  if (experts.length === 0) {
    throw new ToolError('failed', {
      op: 'critic update',
      expected: 'at least one prompt with an expert and a negative, to take the gradient penalty between them',
      got: 'none',
    });
  }
  const draws = drawsOf();
  const count = options.penaltyPairs ?? experts.length;
  // More pairs than experts: each expert again, with another negative.
  const order = Array.from({ length: Math.ceil(count / experts.length) }, () =>
    draws.distinct(experts.length, experts.length),
  ).flat();
  return order.slice(0, count).map((i) => {
    const expert = experts[i]!.record;
    const negative = draws.pick(negatives.get(expert.promptId)!);
    const shorter = expert.completionIds.length <= negative.completionIds.length ? expert : negative;
    return { expert, negative, shorter, share: draws.uniform() };
  });
}
