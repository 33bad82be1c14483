import { grad } from '@dawngrad/autograd';
import {
  affine,
  concat,
  indexSelect,
  multiply,
  scope,
  softplus,
  subtract,
  sum,
  Tensor,
  ToolError,
  withoutObservers,
  zeros,
} from '@dawngrad/tensor';
import type { CriticExample, CriticObjective, ObjectiveUpdate } from './objective.ts';

/** An expert and a negative of one prompt, by their places in the update. */
interface Pair {
  readonly expert: number;
  readonly negative: number;
  /** The share of the pair in the mean. */
  readonly weight: number;
}

/**
 * Bradley-Terry pairs (the reference's `gad`; Ye et al., "Black-box on-policy distillation of LLMs", 2025): the mean over
 * the prompts of an update, each the mean over its expert x negative pairs, of softplus(-(f(expert) - f(negative) - margin)).
 *
 * Pairs reach across micro-batches, so the gradient takes two passes: the logits of all traces first, without a tape;
 * then, micro-batch by micro-batch, the surrogate sum_i f_i dL/df_i, whose gradient is that of L.
 */
export const pairwise: CriticObjective = {
  unit: 'sequence',
  hasBorder: false,
  kinds: ['plain'],
  prepare: (update) => {
    const { device, parts, examples, options } = update;
    const pairs = pairsOf(update);
    const indices = (name: 'expert' | 'negative'): Tensor =>
      Tensor.from(
        device,
        Uint32Array.from(pairs, (pair) => pair[name]),
        [pairs.length],
        'u32',
        `airl/critic/${name}`,
      );
    const weights = Tensor.from(
      device,
      Float32Array.from(pairs, ({ weight }) => weight),
      [pairs.length],
      'f32',
      'airl/critic/pair-weights',
    );
    const { loss, gradients } = withoutObservers(() => {
      const scores = concat(
        parts.map((part, i) =>
          scope(() => {
            const { logits, firstRows } = update.forward(i);
            const rows = Uint32Array.from(part, ({ record }, j) => firstRows[j]! + record.completionIds.length - 1);
            return indexSelect(logits, 0, Tensor.from(device, rows, [rows.length], 'u32', 'airl/critic/last-rows'));
          }),
        ),
        0,
      );
      return grad(
        () => pairwiseLoss(scores, indices('expert'), indices('negative'), weights, options.margin ?? 0),
        [scores],
      );
    });
    const slopes = concat([gradients[0]!, zeros(device, [1])], 0);
    const starts = parts.map((_, i) => parts.slice(0, i).reduce((total, part) => total + part.length, 0));
    return {
      value: loss,
      partLoss: (part, { batch, firstRows, logits }) => {
        const slots = new Uint32Array(batch.rows).fill(examples.length);
        parts[part]!.forEach(({ record }, i) => {
          slots[firstRows[i]! + record.completionIds.length - 1] = starts[part]! + i;
        });
        const byRow = indexSelect(slopes, 0, Tensor.from(device, slots, [batch.rows], 'u32', 'airl/critic/slots'));
        return sum(multiply(logits, byRow));
      },
    };
  },
};

/**
 * sum over pairs of w softplus(margin - (f_expert - f_negative)).
 *
 * @param logits of all traces, [M]
 * @param experts and `negatives`: the places of each pair, u32 [K]
 */
function pairwiseLoss(logits: Tensor, experts: Tensor, negatives: Tensor, weights: Tensor, margin: number): Tensor {
  const gap = subtract(indexSelect(logits, 0, negatives), indexSelect(logits, 0, experts));
  return sum(multiply(softplus(affine(gap, 1, margin)), weights));
}

function pairsOf({ examples, options, draws: drawsOf }: ObjectiveUpdate): Pair[] {
  const prompts = new Map<string, Record<CriticExample['side'], number[]>>();
  examples.forEach(({ record, side }, i) => {
    if (record.marks.length !== 1) {
      throw new ToolError('config', {
        op: 'critic.loss, reward.granularity',
        expected: 'traces with one mark, their last token (granularity sparse), for the pairwise loss',
        got: `${record.marks.length} marks in ${record.id}`,
      });
    }
    const sides = prompts.get(record.promptId) ?? { positive: [], negative: [] };
    prompts.set(record.promptId, sides);
    sides[side].push(i);
  });
  const paired = [...prompts.values()].filter(({ positive, negative }) => positive.length > 0 && negative.length > 0);
  if (paired.length === 0) {
    throw new ToolError('failed', {
      op: 'critic update',
      expected: 'at least one prompt with an expert and a policy sample',
      got: `none among ${prompts.size} prompts`,
    });
  }
  const draws = drawsOf();
  return paired.flatMap(({ positive, negative }) => {
    const wanted = options.negativesPerPrompt ?? 0;
    const chosen = wanted === 0 ? negative : draws.distinct(negative.length, wanted).map((i) => negative[i]!);
    const weight = 1 / (paired.length * positive.length * chosen.length);
    return positive.flatMap((expert) => chosen.map((one) => ({ expert, negative: one, weight })));
  });
}
