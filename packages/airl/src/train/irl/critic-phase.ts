import type { Adamw } from '@dawngrad/autograd';
import type { Critic } from '../../critic/critic.ts';
import { criticMetrics } from '../../critic/critic-metrics.ts';
import { type CriticUpdate, criticUpdate, readCriticUpdates } from '../../critic/critic-update.ts';
import { type DrawnExamples, drawExamples, type ExpertTrace } from '../../critic/draw-examples.ts';
import type { MetricRow } from '../../metrics/names.ts';
import { checkRecords, type TraceRecord } from '../../record.ts';
import { relabel } from '../../relabel.ts';
import { Replay, type ReplayState } from '../../replay.ts';
import { type CriticScheduleOptions, criticLearningRate } from '../../schedule/critic-schedule.ts';
import { expertRecord, taskRecordRules } from '../../task/create-record.ts';
import type { Task } from '../../task/task.ts';
import { createOptimizer } from '../optim-options.ts';
import { demonstratedPerRound } from '../round-prompts.ts';
import type { IrlOptions } from './irl-options.ts';
import type { IrlCounters } from './irl-run.ts';

/** An update of the critic whose numbers are still on the device. */
export interface CriticStep {
  readonly drawn: DrawnExamples;
  readonly update: CriticUpdate;
}

/**
 * How the critic learns in an R-AIRL run: it labels and remembers the policy's samples, draws each update's examples
 * from what it remembers, and has an optimiser and a learning rate of its own.
 */
export class CriticPhase {
  readonly optimizer: Adamw;
  /** The expert record of each demonstrated prompt. */
  readonly expertOf: ReadonlyMap<string, TraceRecord>;
  /** Critic updates in each round; 0 where it is frozen by then. */
  readonly roundUpdates: number;
  /** Prompts that the warm-up samples: its updates cannot see more than they draw. */
  readonly warmupPrompts: number;
  readonly #critic: Critic;
  readonly #task: Task;
  readonly #options: IrlOptions;
  readonly #counters: IrlCounters;
  readonly #experts: readonly ExpertTrace[];
  readonly #promptOf: ReadonlyMap<string, Task['demonstrations'][number]>;
  readonly #rate: CriticScheduleOptions;
  #replay: Replay<TraceRecord>;

  constructor(critic: Critic, task: Task, options: IrlOptions, counters: IrlCounters) {
    const { reward, warmup, maxSteps } = options;
    this.#critic = critic;
    this.#task = task;
    this.#options = options;
    this.#counters = counters;
    this.roundUpdates = options.critic.freezeAfterWarmup ? 0 : options.critic.updatesPerRound;
    this.optimizer = createOptimizer(critic.parameters(), options.critic.optim);
    this.#rate = {
      peak: options.critic.lr,
      warmup: options.critic.lrWarmupUpdates ?? warmup.steps,
      total: warmup.steps + maxSteps * this.roundUpdates,
      decay: options.critic.lrDecay,
    };
    this.#experts = task.demonstrations.map((demonstration) => ({
      demonstration,
      record: expertRecord(task, demonstration, reward),
    }));
    this.expertOf = new Map(this.#experts.map(({ record }) => [record.promptId, record]));
    this.#promptOf = new Map(task.demonstrations.map((demonstration) => [demonstration.id, demonstration]));
    this.warmupPrompts = Math.min(this.#experts.length, warmup.steps * options.critic.expertsPerUpdate);
    this.#replay = this.#replayOf(this.warmupSamples, { positives: [], negatives: [] });
  }

  /** Samples that the warm-up draws from. */
  get warmupSamples(): number {
    return this.warmupPrompts * this.#options.warmup.samplesPerPrompt;
  }

  get replay(): Replay<TraceRecord> {
    return this.#replay;
  }

  /** Goes on with what a checkpoint held. */
  restore(held: ReplayState<TraceRecord>): void {
    const isWarm = this.#counters.criticUpdates >= this.#options.warmup.steps;
    this.#replay = this.#replayOf(isWarm ? this.#roundCapacity : this.warmupSamples, held);
  }

  /** The rounds begin: the warm-up's samples stay as those of an earlier round, where there is a replay. */
  endWarmup(): void {
    const keepsThem = this.#options.replay.rounds > 0;
    this.#replay = this.#replayOf(
      this.#roundCapacity,
      keepsThem ? this.#replay.state : { positives: [], negatives: [] },
    );
  }

  /**
   * Checks and labels new samples; those of demonstrated prompts go into the critic's memory. Returns how many of
   * them count as experts.
   */
  remember(records: readonly TraceRecord[], round: number): number {
    const { expertOf } = this;
    const { reward, relabel: mode } = this.#options;
    const demonstrated = records.filter(({ promptId }) => expertOf.has(promptId));
    const theirExperts = new Set(demonstrated.map(({ promptId }) => expertOf.get(promptId)!));
    checkRecords([...theirExperts, ...records], taskRecordRules(this.#task, reward));
    const { relabelled } = relabel(demonstrated, {
      mode,
      round,
      experts: expertOf,
      check: (text, gold, { promptId }) => this.#task.check(text, { ...this.#promptOf.get(promptId), gold }),
    });
    this.#replay.push({
      positives: demonstrated.filter(({ label }) => label === 'positive'),
      negatives: demonstrated.filter(({ label }) => label === 'negative'),
    });
    return relabelled;
  }

  /**
   * Records the next critic update on examples drawn for it. Where relabelling has left no negative there is
   * nothing to tell apart: the update counts, so that the schedule goes on, and is undefined.
   */
  update(round: number): CriticStep | undefined {
    const { options, counters } = { options: this.#options, counters: this.#counters };
    const { seed, reward, microBatchTokens } = options;
    const counts = { ...options.critic, corruptedPerExpert: options.corruptedPerExpert };
    const share = { round, fraction: options.replay.onPolicyFraction };
    const at = { seed, update: counters.criticUpdates, share };
    const drawn = drawExamples(this.#task, this.#experts, this.#replay, counts, reward, at);
    counters.criticUpdates++;
    if (options.relabel !== 'off' && drawn.negatives.length === 0) return undefined;
    const update = criticUpdate(this.#critic, this.optimizer, this.#task, drawn, {
      lr: criticLearningRate(counters.criticUpdates, this.#rate),
      labelSmoothing: options.critic.labelSmoothing,
      microBatchTokens,
    });
    return { drawn, update };
  }

  /** Reads the numbers of critic updates; the row describes the last one. */
  async read(recorded: readonly (CriticStep | undefined)[]): Promise<MetricRow> {
    const updates = recorded.filter((one) => one !== undefined);
    const results = await readCriticUpdates(updates.map(({ update }) => update));
    const last = updates.at(-1);
    const nonFinite = results.reduce((total, result) => total + result.nonFinite, 0);
    const counts = {
      'health/nonfinite': nonFinite,
      'disc/updates': this.#counters.criticUpdates,
      'disc/skipped': recorded.length - updates.length,
    };
    if (last === undefined) return counts;
    return {
      ...counts,
      ...criticMetrics(results.at(-1)!, this.#options.critic.labelSmoothing),
      'disc/on_policy': last.drawn.onPolicy,
      'disc/replayed': last.drawn.replayed,
      'disc/corrupted': last.drawn.corrupted,
    };
  }

  dispose(): void {
    this.optimizer.dispose();
  }

  /** Samples of all rounds that updates draw from. */
  get #roundCapacity(): number {
    const { replay, groupSize } = this.#options;
    return (replay.rounds + 1) * demonstratedPerRound(this.#task, this.#options) * groupSize;
  }

  #replayOf(size: number, held: ReplayState<TraceRecord>): Replay<TraceRecord> {
    return new Replay<TraceRecord>({ positives: size, negatives: size }, held);
  }
}
