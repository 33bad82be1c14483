import { type Adamw, accumulateGradients } from '@dawngrad/autograd';
import { add, affine, readAll, scope, Tensor } from '@dawngrad/tensor';
import { criticLoss, criticTargets } from '../loss/critic-loss.ts';
import { microBatches } from '../loss/micro-batches.ts';
import { firstRows, packTraces, traceLength } from '../loss/token-rows.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';
import { type Critic, criticTrace } from './critic.ts';

/** What one critic update tells apart. */
export interface CriticExamples {
  readonly positives: readonly TraceRecord[];
  readonly negatives: readonly TraceRecord[];
}

export interface CriticUpdateOptions {
  readonly lr: number;
  readonly labelSmoothing: number;
  readonly microBatchTokens: number;
}

/** An update whose numbers are still on the device. */
export interface CriticUpdate {
  readonly lr: number;
  /** Completion tokens of all examples. */
  readonly tokens: number;
  readonly loss: Tensor;
  readonly stats: Tensor;
  /** Logits by row, one list a micro-batch. */
  readonly logits: readonly Tensor[];
  /** The rows of the marked tokens in each of these. */
  readonly marks: readonly { readonly positive: number[]; readonly negative: number[] }[];
}

/** One optimiser step of the critic on the balanced loss over all marked tokens of the examples. */
export function criticUpdate(
  critic: Critic,
  optimizer: Adamw,
  task: Task,
  { positives, negatives }: CriticExamples,
  { lr, labelSmoothing, microBatchTokens }: CriticUpdateOptions,
): CriticUpdate {
  return scope(() => {
    const countMarks = (records: readonly TraceRecord[]): number =>
      records.reduce((total, { marks }) => total + marks.length, 0);
    const classes = criticTargets(countMarks(positives), countMarks(negatives), labelSmoothing);
    const examples = [
      ...positives.map((record) => ({ record, side: 'positive' as const })),
      ...negatives.map((record) => ({ record, side: 'negative' as const })),
    ];
    const marks: { positive: number[]; negative: number[] }[] = [];
    const parts = microBatches(examples, ({ record }) => traceLength(record), microBatchTokens).map((part) =>
      accumulateGradients(critic.parameters(), () => {
        const { device } = critic.model;
        const traces = part.map(({ record }) => criticTrace(task, record));
        const batch = packTraces(device, traces);
        const targets = new Float32Array(batch.rows);
        const weights = new Float32Array(batch.rows);
        const rows = { positive: [] as number[], negative: [] as number[] };
        firstRows(batch, traces, 'own').forEach((first, i) => {
          const { record, side } = part[i]!;
          for (const mark of record.marks) {
            targets[first + mark] = classes[side].target;
            weights[first + mark] = classes[side].weight;
            rows[side].push(first + mark);
          }
        });
        marks.push(rows);
        const upload = (data: Float32Array<ArrayBuffer>, name: string): Tensor =>
          Tensor.from(device, data, [batch.rows], 'f32', `airl/critic/${name}`);
        const logits = critic.logits(batch);
        return { loss: criticLoss(logits, upload(targets, 'targets'), upload(weights, 'weights')), logits };
      }),
    );
    optimizer.step(lr);
    return {
      lr,
      tokens: examples.reduce((total, { record }) => total + record.completionIds.length, 0),
      loss: parts.map(({ loss }) => loss).reduce(add),
      stats: affine(optimizer.stats, 1, 0),
      logits: parts.map(({ logits }) => logits),
      marks,
    };
  });
}

export interface CriticUpdateResult {
  readonly lr: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly nonFinite: number;
  /** Logits at the marks of either class, before the update. */
  readonly positiveLogits: number[];
  readonly negativeLogits: number[];
}

/** Reads the numbers of updates in one go, and frees them on the device. */
export async function readCriticUpdates(updates: readonly CriticUpdate[]): Promise<CriticUpdateResult[]> {
  const tensors = updates.flatMap(({ loss, stats, logits }) => [loss, stats, ...logits]);
  const values = await readAll(tensors);
  for (const tensor of tensors) tensor.dispose();
  let at = 0;
  return updates.map(({ lr, marks }) => {
    const loss = values[at++]![0]!;
    const stats = values[at++]!;
    const logits = marks.map(() => values[at++]!);
    const pick = (side: 'positive' | 'negative'): number[] =>
      marks.flatMap((rows, part) => rows[side].map((row) => logits[part]![row]!));
    return {
      lr,
      loss,
      gradientNorm: stats[0]!,
      nonFinite: stats[1]!,
      positiveLogits: pick('positive'),
      negativeLogits: pick('negative'),
    };
  });
}
