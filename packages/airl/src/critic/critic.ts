import type { Parameters } from '@dawngrad/autograd';
import { DecoderModel, type LoraOptions, type PackedBatch, ScalarHead } from '@dawngrad/models';
import { readAll, scopeAsync, Tensor, ToolError } from '@dawngrad/tensor';
import { type MarkValues, type RewardOptions, rewardsOf, type TraceReward } from '../credit/reward.ts';
import type { RewardStatistics } from '../credit/reward-statistics.ts';
import { microBatches } from '../loss/micro-batches.ts';
import { firstRows, packTraces, type TokenTrace, traceLength } from '../loss/token-rows.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';
import { type CriticPooling, segmentMeans } from './pooling.ts';
import { ShapedHead, type ShapedValues, type Shaping } from './shaped-head.ts';

export const CRITIC_KINDS = ['plain', 'shaped'] as const;
export type CriticKind = (typeof CRITIC_KINDS)[number];

/** What a new critic is. */
export interface CriticOptions {
  /** Absent: all weights are trained. */
  readonly lora?: LoraOptions | undefined;
  /** Of a critic of the shaped kind. */
  readonly shaping?: Shaping | undefined;
  /** `last` unless said. */
  readonly pooling?: CriticPooling;
}

/** A trace as the critic reads it: with its own form of the prompt. */
export function criticTrace(task: Task, { promptIds, completionIds }: TokenTrace): TokenTrace {
  return { promptIds: task.criticPromptIds(promptIds), completionIds };
}

/**
 * The reward model: a language model with one number (plain kind) or two (shaped kind, `ShapedHead`) read off its hidden
 * state at each completion token. A number at token t has seen the prompt and the tokens up to t (r-airl.md, section 3.1).
 */
export class Critic {
  readonly model: DecoderModel;
  readonly head: ScalarHead | ShapedHead;
  /** How the value of a segment is made of its tokens; a shaped critic reads the last one. */
  readonly pooling: CriticPooling;

  /** Throws ToolError 'config' for a shaped head with pooling `mean`. */
  constructor(
    model: DecoderModel,
    head: ScalarHead | ShapedHead = new ScalarHead(model.device, model.config.hiddenSize),
    pooling: CriticPooling = 'last',
  ) {
    if (pooling !== 'last' && head instanceof ShapedHead) {
      throw new ToolError('config', {
        op: 'critic.pooling, critic.kind',
        expected: 'a plain critic for pooling mean, or pooling last',
        got: 'a shaped one, whose reward and potentials are those of single tokens',
      });
    }
    this.model = model;
    this.head = head;
    this.pooling = pooling;
  }

  /**
   * A critic that starts from the base weights of a model: all of them trained or, with `lora`, adapters only. Both
   * then read the same weights if those are frozen; otherwise they are copied. Of the shaped kind with `shaping`.
   */
  static async copyOf(source: DecoderModel, { lora, shaping, pooling }: CriticOptions = {}): Promise<Critic> {
    const { device, config, maxPositions } = source;
    const isShared = lora !== undefined && source.weights.parameters?.isTrainable !== true;
    const model = isShared
      ? source.shareWeights()
      : DecoderModel.create(device, config, { trainable: lora === undefined, maxPositions });
    try {
      if (!isShared) await model.copyWeightsFrom(source);
      if (lora !== undefined) model.attachAdapters(lora);
      return new Critic(model, shaping && new ShapedHead(device, config.hiddenSize, shaping), pooling);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  get kind(): CriticKind {
    return this.head instanceof ShapedHead ? 'shaped' : 'plain';
  }

  /** What the critic's optimiser updates. */
  parameters(): Parameters[] {
    return [this.model.trainableParameters(), this.head.parameters];
  }

  /**
   * f at every row, [N]; of a shaped critic, and with pooling `mean`, it means something at marks alone.
   *
   * @param firstRows the row of the first completion token of each record
   */
  values(
    batch: PackedBatch,
    records: readonly Pick<TraceRecord, 'segments'>[],
    firstRows: readonly number[],
  ): { readonly f: Tensor; readonly shaped?: ShapedValues } {
    const { head } = this;
    if (!(head instanceof ShapedHead)) {
      const logits = head.values(this.model.hidden(batch));
      return { f: this.pooling === 'mean' ? segmentMeans(logits, batch.device, records, firstRows) : logits };
    }
    const before = Uint32Array.from({ length: batch.rows }, (_, row) => row);
    records.forEach(({ segments }, i) => {
      // The prompt has at least one token, so there is a row before the first completion token.
      for (const { start, end } of segments) before[firstRows[i]! + end] = firstRows[i]! + start - 1;
    });
    const rows = Tensor.from(batch.device, before, [batch.rows], 'u32', 'airl/critic/before');
    const shaped = head.values(this.model.hidden(batch), rows);
    return { f: shaped.f, shaped };
  }

  /** The logits [N] that a plain critic reads off hidden states [N, D], before any pooling. */
  readPlain(hidden: Tensor): Tensor {
    if (!(this.head instanceof ShapedHead)) return this.head.values(hidden);
    throw new ToolError('failed', { op: 'critic', expected: 'a plain critic', got: 'a shaped one' });
  }

  /** What the critic says at the marks of each record, in the order given. */
  async markValues(
    task: Task,
    records: readonly TraceRecord[],
    microBatchTokens: number,
  ): Promise<(MarkValues & { readonly f: Float32Array })[]> {
    const found: (MarkValues & { readonly f: Float32Array })[] = [];
    for (const part of microBatches(records, traceLength, microBatchTokens)) {
      await scopeAsync(async () => {
        const traces = part.map((record) => criticTrace(task, record));
        const batch = packTraces(this.model.device, traces);
        const first = firstRows(batch, traces, 'own');
        const { f, shaped } = this.values(batch, part, first);
        const read = (await readAll(shaped === undefined ? [f] : [f, shaped.g, shaped.shape])) as Float32Array[];
        first.forEach((row, i) => {
          const [values, g, shape] = read.map((rows) => Float32Array.from(part[i]!.marks, (mark) => rows[row + mark]!));
          found.push(shaped === undefined ? { f: values! } : { f: values!, g: g!, shape: shape! });
        });
      });
    }
    return found;
  }

  /** f at the marks of each record, in the order given. */
  async markLogits(task: Task, records: readonly TraceRecord[], microBatchTokens: number): Promise<Float32Array[]> {
    return (await this.markValues(task, records, microBatchTokens)).map(({ f }) => f);
  }

  /**
   * Sets `critic`, the reward of each token, in every record, and returns what else there is of them.
   *
   * @param statistics of all rewards so far, which are brought up to date; for the normalisation `running` alone
   */
  async score(
    task: Task,
    records: readonly TraceRecord[],
    microBatchTokens: number,
    options: RewardOptions,
    statistics?: RewardStatistics,
  ): Promise<TraceReward[]> {
    const rewards = rewardsOf(await this.markValues(task, records, microBatchTokens), records, options, statistics);
    records.forEach((record, i) => {
      record.critic = rewards[i]!.tokens;
    });
    return rewards;
  }

  dispose(): void {
    this.model.dispose();
    this.head.dispose();
  }
}
