import { type Adamw, accumulateGradients } from '@dawngrad/autograd';
import { add, affine, concat, readAll, scope, type Tensor, ToolError } from '@dawngrad/tensor';
import { Draws } from '../data/draws.ts';
import { STREAMS } from '../data/streams.ts';
import { microBatches } from '../loss/micro-batches.ts';
import { traceLength } from '../loss/token-rows.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';
import type { Critic } from './critic.ts';
import { criticRows, type DensityOptions } from './critic-rows.ts';
import type { CriticExample, CriticObjective, ObjectiveOptions } from './objectives/objective.ts';
import { type CriticLossName, criticObjectives } from './objectives/table.ts';

/** What one critic update tells apart. */
export interface CriticExamples {
  readonly positives: readonly TraceRecord[];
  readonly negatives: readonly TraceRecord[];
}

export interface CriticUpdateOptions extends ObjectiveOptions {
  readonly lr: number;
  readonly microBatchTokens: number;
  /** `bce` unless said. */
  readonly loss?: CriticLossName;
  /** What random draws of the objective are a function of; seed and update 0 unless said. */
  readonly draw?: { readonly seed: number; readonly update: number };
  /** The current policy, which a shaped critic needs. */
  readonly density?: DensityOptions | undefined;
}

/** An update whose numbers are still on the device. */
export interface CriticUpdate {
  readonly lr: number;
  /** Completion tokens of all examples. */
  readonly tokens: number;
  readonly loss: Tensor;
  readonly stats: Tensor;
  /** What the objective's further terms add to the loss, and the norms of gradients by inputs; absent where it has none. */
  readonly terms?: { readonly loss: Tensor; readonly inputGradients: Tensor };
  /** Logits by row, one list a micro-batch. */
  readonly logits: readonly Tensor[];
  /** The rows of the marked tokens in each of these. */
  readonly marks: readonly { readonly positive: number[]; readonly negative: number[] }[];
}

/**
 * One optimiser step of the critic on its objective over the examples, whose counts are exact whatever the micro-batches.
 * Throws ToolError 'failed' where the objective has nothing to tell apart, 'config' where it does not suit the critic.
 */
export function criticUpdate(
  critic: Critic,
  optimizer: Adamw,
  task: Task,
  { positives, negatives }: CriticExamples,
  options: CriticUpdateOptions,
): CriticUpdate {
  const { lr, microBatchTokens, loss = 'bce', draw = { seed: 0, update: 0 } } = options;
  const objective = criticObjectives.get(loss);
  const density = densityFor(critic, objective, options);
  return scope(() => {
    const examples: CriticExample[] = [
      ...positives.map((record) => ({ record, side: 'positive' as const })),
      ...negatives.map((record) => ({ record, side: 'negative' as const })),
    ];
    const parts = microBatches(examples, ({ record }) => traceLength(record), microBatchTokens);
    const marks = parts.map(() => ({ positive: [] as number[], negative: [] as number[] }));
    const forward = (part: number) =>
      criticRows(
        critic,
        task,
        parts[part]!.map(({ record }) => record),
        density,
      );
    const { partLoss, terms, value } = objective.prepare({
      device: critic.model.device,
      critic,
      task,
      examples,
      parts,
      microBatchTokens,
      options,
      forward,
      draws: () => new Draws(draw.seed, STREAMS.criticObjective, draw.update),
    });
    const done = parts.map((part, i) =>
      accumulateGradients(critic.parameters(), () => {
        const rows = forward(i);
        part.forEach(({ record, side }, example) => {
          for (const mark of record.marks) marks[i]![side].push(rows.firstRows[example]! + mark);
        });
        return { loss: partLoss(i, rows), logits: rows.logits };
      }),
    );
    const further = (terms ?? []).map((term) => accumulateGradients(critic.parameters(), term));
    optimizer.step(lr);
    const own = value ?? done.map((part) => part.loss).reduce(add);
    const added = further.map((term) => term.loss);
    return {
      lr,
      tokens: examples.reduce((total, { record }) => total + record.completionIds.length, 0),
      loss: [own, ...added].reduce(add),
      stats: affine(optimizer.stats, 1, 0),
      logits: done.map(({ logits }) => logits),
      marks,
      ...(further.length === 0
        ? {}
        : {
            terms: {
              loss: added.reduce(add),
              inputGradients: concat(
                further.map(({ inputGradients }) => inputGradients),
                0,
              ),
            },
          }),
    };
  });
}

/** The density that the critic's logit subtracts: a shaped critic's logit is f - log pi, a plain one's is f. */
function densityFor(
  critic: Critic,
  objective: CriticObjective,
  { loss = 'bce', density }: CriticUpdateOptions,
): DensityOptions | undefined {
  if (!objective.kinds.includes(critic.kind)) {
    throw new ToolError('config', {
      op: 'critic.loss, critic.kind',
      expected: `a critic of kind ${objective.kinds.join(' or ')} for the loss ${loss}`,
      got: critic.kind,
    });
  }
  if (critic.kind === 'plain') return undefined;
  if (density !== undefined) return density;
  throw new ToolError('failed', {
    op: 'critic update',
    expected: 'the policy, whose log-probabilities the logit of a shaped critic subtracts',
    got: 'none',
  });
}

export interface CriticUpdateResult {
  readonly lr: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly nonFinite: number;
  /** What further terms added to the loss, and the mean norm of the critic's gradient by its input; absent without them. */
  readonly penalty?: number;
  readonly inputGradient?: number;
  /** Logits at the marks of either class, before the update. */
  readonly positiveLogits: number[];
  readonly negativeLogits: number[];
}

/** Reads the numbers of updates in one go, and frees them on the device. */
export async function readCriticUpdates(updates: readonly CriticUpdate[]): Promise<CriticUpdateResult[]> {
  const tensors = updates.flatMap(({ loss, stats, logits, terms }) => [
    loss,
    stats,
    ...logits,
    ...(terms === undefined ? [] : [terms.loss, terms.inputGradients]),
  ]);
  const values = await readAll(tensors);
  for (const tensor of tensors) tensor.dispose();
  let at = 0;
  return updates.map(({ lr, marks, terms }) => {
    const loss = values[at++]![0]!;
    const stats = values[at++]!;
    const logits = marks.map(() => values[at++]!);
    const penalty = terms === undefined ? undefined : values[at++]![0]!;
    const norms = terms === undefined ? undefined : (values[at++] as Float32Array);
    const pick = (side: 'positive' | 'negative'): number[] =>
      marks.flatMap((rows, part) => rows[side].map((row) => logits[part]![row]!));
    return {
      lr,
      loss,
      gradientNorm: stats[0]!,
      nonFinite: stats[1]!,
      ...(penalty === undefined ? {} : { penalty }),
      ...(norms === undefined ? {} : { inputGradient: norms.reduce((sum, norm) => sum + norm, 0) / norms.length }),
      positiveLogits: pick('positive'),
      negativeLogits: pick('negative'),
    };
  });
}
