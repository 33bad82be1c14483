import { type DecoderModel, type PackedBatch, tokenLogProbs } from '@dawngrad/models';
import { indexAdd, indexSelect, subtract, Tensor, withoutObservers, zeros } from '@dawngrad/tensor';
import { firstRows, packTraces } from '../loss/token-rows.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';
import { type Critic, criticTrace } from './critic.ts';
import type { ShapedValues } from './shaped-head.ts';

/** The policy whose log-probabilities a shaped critic's logit subtracts. */
export interface DensityOptions {
  readonly model: DecoderModel;
  /** The temperature that it samples at: pi is the density that the samples come from. */
  readonly temperature: number;
}

/** A packed micro-batch with what the critic says of it. */
export interface CriticRows {
  readonly batch: PackedBatch;
  /** The row of the first completion token of each trace. */
  readonly firstRows: readonly number[];
  /** The discriminator's logit at each row, [N]: f, or f - log pi of the segment. */
  readonly logits: Tensor;
  /** Of a shaped critic. */
  readonly shaped?: ShapedValues;
}

/**
 * Runs the critic over traces. With a density the logit of a mark is f - log pi, with log pi the sum over the tokens of
 * its segment of the policy's log-probabilities, without a gradient (r-airl.md, section 3.2: D = e^f / (e^f + pi)).
 */
export function criticRows(
  critic: Critic,
  task: Task,
  records: readonly TraceRecord[],
  density: DensityOptions | undefined,
): CriticRows {
  const traces = records.map((record) => criticTrace(task, record));
  const batch = packTraces(critic.model.device, traces);
  const first = firstRows(batch, traces, 'own');
  const { f, shaped } = critic.values(batch, records, first);
  const logits = density === undefined ? f : subtract(f, segmentLogProbs(density, records, batch, first));
  return { batch, firstRows: first, logits, ...(shaped === undefined ? {} : { shaped }) };
}

/** At the row of each mark the sum of log pi over its segment, nats; 0 at all other rows. [N]. */
function segmentLogProbs(
  { model, temperature }: DensityOptions,
  records: readonly TraceRecord[],
  batch: PackedBatch,
  first: readonly number[],
): Tensor {
  return withoutObservers(() => {
    // The critic may read prompts of its own, as long as the policy's: rows are the same in both.
    const { logp } = tokenLogProbs(model, packTraces(batch.device, records), { temperature });
    const segments = records.reduce((total, record) => total + record.segments.length, 0);
    // Slots: one a segment, one for rows of no segment and tokens that the environment wrote, one that stays 0.
    const into = new Uint32Array(batch.rows).fill(segments);
    const from = new Uint32Array(batch.rows).fill(segments + 1);
    let slot = 0;
    records.forEach((record, i) => {
      for (const { start, end } of record.segments) {
        for (let t = start; t <= end; t++) if (!record.forced[t]) into[first[i]! + t - 1] = slot;
        from[first[i]! + end] = slot++;
      }
    });
    const upload = (data: Uint32Array<ArrayBuffer>, name: string): Tensor =>
      Tensor.from(batch.device, data, [batch.rows], 'u32', `airl/critic/${name}`);
    const sums = indexAdd(zeros(batch.device, [segments + 2]), 0, upload(into, 'segments'), logp);
    return indexSelect(sums, 0, upload(from, 'marks'));
  });
}
