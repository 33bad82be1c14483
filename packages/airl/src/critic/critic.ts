import type { Parameters } from '@dawngrad/autograd';
import { DecoderModel, type LoraOptions, type PackedBatch, ScalarHead } from '@dawngrad/models';
import { read, scopeAsync, type Tensor } from '@dawngrad/tensor';
import { type RewardOptions, tokenRewards } from '../credit/reward.ts';
import { microBatches } from '../loss/micro-batches.ts';
import { firstRows, packTraces, type TokenTrace, traceLength } from '../loss/token-rows.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';

/** A trace as the critic reads it: with its own form of the prompt. */
export function criticTrace(task: Task, { promptIds, completionIds }: TokenTrace): TokenTrace {
  return { promptIds: task.criticPromptIds(promptIds), completionIds };
}

/**
 * The reward model: a language model with one number read off its hidden state at each completion token.
 * The number at token t has seen the prompt and the tokens up to t (r-airl.md, section 3.1, plain kind).
 */
export class Critic {
  readonly model: DecoderModel;
  readonly head: ScalarHead;

  constructor(model: DecoderModel, head: ScalarHead = new ScalarHead(model.device, model.config.hiddenSize)) {
    this.model = model;
    this.head = head;
  }

  /**
   * A critic that starts from the base weights of a model: all of them trained or, with `lora`, adapters only. Both
   * then read the same weights if those are frozen; otherwise they are copied.
   */
  static async copyOf(source: DecoderModel, lora?: LoraOptions): Promise<Critic> {
    const { device, config, maxPositions } = source;
    const isShared = lora !== undefined && source.weights.parameters?.isTrainable !== true;
    const model = isShared
      ? source.shareWeights()
      : DecoderModel.create(device, config, { trainable: lora === undefined, maxPositions });
    try {
      if (!isShared) await model.copyWeightsFrom(source);
      if (lora !== undefined) model.attachAdapters(lora);
    } catch (error) {
      model.dispose();
      throw error;
    }
    return new Critic(model);
  }

  /** What the critic's optimiser updates. */
  parameters(): Parameters[] {
    return [this.model.trainableParameters(), this.head.parameters];
  }

  /** The logit at every row, [N]. */
  logits(batch: PackedBatch): Tensor {
    return this.head.values(this.model.hidden(batch));
  }

  /** The logits at the marks of each record, in the order given. */
  async markLogits(task: Task, records: readonly TraceRecord[], microBatchTokens: number): Promise<Float32Array[]> {
    const found: Float32Array[] = [];
    for (const part of microBatches(records, traceLength, microBatchTokens)) {
      await scopeAsync(async () => {
        const traces = part.map((record) => criticTrace(task, record));
        const batch = packTraces(this.model.device, traces);
        const values = (await read(this.logits(batch))) as Float32Array;
        firstRows(batch, traces, 'own').forEach((row, i) => {
          found.push(Float32Array.from(part[i]!.marks, (mark) => values[row + mark]!));
        });
      });
    }
    return found;
  }

  /** Sets `critic`, the reward of each token, in every record. */
  async score(
    task: Task,
    records: readonly TraceRecord[],
    microBatchTokens: number,
    options: RewardOptions,
  ): Promise<void> {
    const logits = await this.markLogits(task, records, microBatchTokens);
    records.forEach((record, i) => {
      record.critic = tokenRewards(logits[i]!, record.marks, options);
    });
  }

  dispose(): void {
    this.model.dispose();
    this.head.dispose();
  }
}
