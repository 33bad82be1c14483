import { add, affine, multiply, square, sum, Tensor } from '@dawngrad/tensor';
import { criticLoss, criticTargets } from '../../loss/critic-loss.ts';
import type { CriticRows } from '../critic-rows.ts';
import type { ShapedValues } from '../shaped-head.ts';
import { countMarks } from './count-marks.ts';
import type { CriticObjective, ObjectiveOptions } from './objective.ts';

/**
 * Balanced cross-entropy with smoothed labels, over marks (`criticLoss`). A shaped critic's logit is f - log pi, and it
 * has the penalties of `shapingPenalty` on top, with the same balance.
 */
export const bce: CriticObjective = {
  unit: 'mark',
  hasBorder: true,
  kinds: ['plain', 'shaped'],
  prepare: ({ device, examples, parts, options }) => {
    const marks = countMarks(examples);
    const classes = criticTargets(marks.positive, marks.negative, options.labelSmoothing);
    return {
      partLoss: (part, { batch, firstRows, logits, shaped }: CriticRows) => {
        const targets = new Float32Array(batch.rows);
        const weights = new Float32Array(batch.rows);
        parts[part]!.forEach(({ record, side }, i) => {
          for (const mark of record.marks) {
            targets[firstRows[i]! + mark] = classes[side].target;
            weights[firstRows[i]! + mark] = classes[side].weight;
          }
        });
        const upload = (data: Float32Array<ArrayBuffer>, name: string): Tensor =>
          Tensor.from(device, data, [batch.rows], 'f32', `airl/critic/${name}`);
        const byRow = upload(weights, 'weights');
        const loss = criticLoss(logits, upload(targets, 'targets'), byRow);
        return shaped === undefined ? loss : add(loss, shapingPenalty(shaped, byRow, options));
      },
    };
  },
};

/**
 * c_h mean((h_before^2 + h_after^2) / 2) + c_s mean(shape^2) over segments, both classes counting a half, as in
 * r-airl.md, section 3.3.
 *
 * @param weights by row: they add up to 1, and are 0 where no segment ends
 */
function shapingPenalty(
  { before, after, shape }: ShapedValues,
  weights: Tensor,
  { potentialPenalty = 1e-4, shapePenalty = 1e-4 }: ObjectiveOptions,
): Tensor {
  const potentials = affine(add(square(before), square(after)), potentialPenalty / 2, 0);
  return sum(multiply(add(potentials, affine(square(shape), shapePenalty, 0)), weights));
}
