import type { Adamw } from '@dawngrad/autograd';
import type { DecoderModel } from '@dawngrad/models';
import { readAll } from '@dawngrad/tensor';
import { ChangeGuard, type WatchedUpdate } from '../../critic/change-guard.ts';
import { CRITIC_CONTROLS, type CriticControl, lengthOnly, shuffleLabels } from '../../critic/control.ts';
import type { Critic } from '../../critic/critic.ts';
import { criticMetrics } from '../../critic/critic-metrics.ts';
import { createCriticOptimizer } from '../../critic/critic-optimizer.ts';
import { type CriticExamples, type CriticUpdate, criticUpdate, readCriticUpdates } from '../../critic/critic-update.ts';
import { type DrawnExamples, drawExamples, type ExpertTrace } from '../../critic/draw-examples.ts';
import { Draws } from '../../data/draws.ts';
import { STREAMS } from '../../data/streams.ts';
import type { MetricRow } from '../../metrics/names.ts';
import { checkRecords, type TraceRecord } from '../../record.ts';
import { relabel } from '../../relabel.ts';
import { Replay, type ReplayState } from '../../replay.ts';
import type { Reporter } from '../../reporter.ts';
import { type CriticScheduleOptions, criticLearningRate } from '../../schedule/critic-schedule.ts';
import { expertRecord, taskRecordRules } from '../../task/create-record.ts';
import type { Task } from '../../task/task.ts';
import type { ObservedStep } from '../health.ts';
import { demonstratedPerRound } from '../round-prompts.ts';
import type { IrlOptions } from './irl-options.ts';
import type { IrlCounters } from './irl-run.ts';
import { leakageRow } from './leakage-row.ts';

/** An update of the critic whose numbers are still on the device. */
export interface CriticStep {
  readonly drawn: DrawnExamples;
  readonly update: CriticUpdate;
  /** The number of the update, counted from 1. */
  readonly number: number;
  readonly watched: WatchedUpdate;
}

/**
 * How the critic learns in an R-AIRL run: it labels and remembers the policy's samples, draws each update's examples
 * from what it remembers, and has an optimiser and a learning rate of its own.
 */
export class CriticPhase {
  /** Undefined where the critic is frozen from the start. */
  readonly optimizer: Adamw | undefined;
  /** The expert record of each demonstrated prompt. */
  readonly expertOf: ReadonlyMap<string, TraceRecord>;
  /** Critic updates before the first round, and in each round; 0 where it is frozen by then. */
  readonly warmupSteps: number;
  readonly roundUpdates: number;
  /** Prompts that the warm-up samples: its updates cannot see more than they draw. */
  readonly warmupPrompts: number;
  /** Whether the run's first samples were probed, now or before a restart. */
  isProbed = false;
  readonly #policy: DecoderModel;
  readonly #critic: Critic;
  readonly #task: Task;
  readonly #options: IrlOptions;
  readonly #counters: IrlCounters;
  readonly #experts: readonly ExpertTrace[];
  readonly #promptOf: ReadonlyMap<string, Task['demonstrations'][number]>;
  readonly #rate: CriticScheduleOptions;
  readonly #control: CriticControl;
  readonly #guard: ChangeGuard | undefined;
  #replay: Replay<TraceRecord>;
  #nextRow: MetricRow = {};
  #observed: readonly ObservedStep[] = [];

  constructor(policy: DecoderModel, critic: Critic, task: Task, options: IrlOptions, counters: IrlCounters) {
    const { reward, warmup, maxSteps } = options;
    const { freeze = false, freezeAfterWarmup, control = 'none' } = options.critic;
    this.#policy = policy;
    this.#critic = critic;
    this.#task = task;
    this.#options = options;
    this.#counters = counters;
    this.#control = control;
    this.warmupSteps = freeze ? 0 : warmup.steps;
    this.roundUpdates = freeze || freezeAfterWarmup ? 0 : options.critic.updatesPerRound;
    this.optimizer = freeze ? undefined : createCriticOptimizer(critic, options.critic);
    this.#guard = this.optimizer && new ChangeGuard(critic.parameters(), this.optimizer);
    this.#rate = {
      peak: options.critic.lr,
      warmup: options.critic.lrWarmupUpdates ?? this.warmupSteps,
      total: this.warmupSteps + maxSteps * this.roundUpdates,
      decay: options.critic.lrDecay,
    };
    this.#experts = task.demonstrations.map((demonstration) => ({
      demonstration,
      record: expertRecord(task, demonstration, reward),
    }));
    this.expertOf = new Map(this.#experts.map(({ record }) => [record.promptId, record]));
    this.#promptOf = new Map(task.demonstrations.map((demonstration) => [demonstration.id, demonstration]));
    const each = options.critic.expertsPerUpdate ?? this.#promptsPerRound;
    this.warmupPrompts = Math.min(this.#experts.length, this.warmupSteps * each);
    this.#replay = this.#replayOf(this.warmupSamples, { positives: [], negatives: [] });
  }

  /** Samples that the warm-up draws from. */
  get warmupSamples(): number {
    return this.warmupPrompts * this.#options.warmup.samplesPerPrompt;
  }

  /** The updates that were read last. */
  get observed(): readonly ObservedStep[] {
    return this.#observed;
  }

  get replay(): Replay<TraceRecord> {
    return this.#replay;
  }

  /** To be called when the critic's weights are those that it starts or goes on with. */
  async begin(): Promise<void> {
    await this.#guard?.begin();
  }

  /** Goes on with what a checkpoint held. */
  restore(held: ReplayState<TraceRecord>): void {
    const isWarm = this.#counters.criticUpdates >= this.warmupSteps;
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
   * Checks and labels new samples; those of demonstrated prompts go into the critic's memory. Returns what the
   * labels say.
   */
  remember(records: readonly TraceRecord[], round: number): MetricRow {
    const { expertOf } = this;
    const { reward, relabel: mode, dropsCutSamples = false } = this.#options;
    const demonstrated = records.filter(({ promptId }) => expertOf.has(promptId));
    const theirExperts = new Set(demonstrated.map(({ promptId }) => expertOf.get(promptId)!));
    checkRecords([...theirExperts, ...records], taskRecordRules(this.#task, reward));
    const { compared, relabelled } = relabel(demonstrated, {
      mode,
      round,
      experts: expertOf,
      check: (text, gold, { promptId }) => this.#task.check(text, { ...this.#promptOf.get(promptId), gold }),
    });
    const kept = dropsCutSamples ? demonstrated.filter(({ finish }) => finish === 'end') : demonstrated;
    this.#replay.push(
      {
        positives: kept.filter(({ label }) => label === 'positive'),
        negatives: kept.filter(({ label }) => label === 'negative'),
      },
      round - this.#options.replay.rounds,
    );
    return {
      'disc/relabelled': relabelled,
      ...(mode === 'off' ? {} : { 'disc/compared': compared }),
      ...(dropsCutSamples ? { 'disc/cut': demonstrated.length - kept.length } : {}),
    };
  }

  /** Tells how well surface features alone tell experts from the first samples of a run; later ones are not probed. */
  probe(samples: readonly TraceRecord[], reporter: Reporter): void {
    if (this.isProbed) return;
    this.isProbed = true;
    this.#nextRow = leakageRow(samples, this.expertOf, reporter);
  }

  /** The records as the critic sees them, under a control too: what it says of one is true of the other. */
  seen(records: readonly TraceRecord[]): readonly TraceRecord[] {
    return this.#control === 'length_only' ? lengthOnly(this.#task, records) : records;
  }

  /**
   * Records the next critic update on examples drawn for it. Where relabelling, or leaving out cut samples, has left
   * no negative there is nothing to tell apart: the update counts, so that the schedule goes on, and is undefined.
   */
  update(round: number): CriticStep | undefined {
    const options = this.#options;
    const counters = this.#counters;
    const { seed, reward, microBatchTokens } = options;
    const { corruptedPerExpert, dropsCutSamples = false } = options;
    // Pairs are of an expert and samples: no corruption of it takes part.
    const { storedPerExpert = options.critic.loss === 'pairwise' ? 0 : null } = options;
    const promptsPerRound = this.#promptsPerRound;
    const counts = { ...options.critic, promptsPerRound, corruptedPerExpert, storedPerExpert };
    const share = { round, fraction: options.replay.onPolicyFraction };
    const at = { seed, update: counters.criticUpdates, share };
    const drawn = drawExamples(this.#task, this.#experts, this.#replay, counts, reward, at);
    counters.criticUpdates++;
    if ((options.relabel !== 'off' || dropsCutSamples) && drawn.negatives.length === 0) return undefined;
    const examples = this.#controlled(drawn, at.update);
    const update = criticUpdate(this.#critic, this.optimizer!, this.#task, examples, {
      lr: criticLearningRate(counters.criticUpdates, this.#rate),
      loss: options.critic.loss ?? 'bce',
      ...options.critic.objective,
      labelSmoothing: options.critic.labelSmoothing,
      draw: { seed, update: at.update },
      density: { model: this.#policy, temperature: options.temperature },
      microBatchTokens,
    });
    return { drawn, update, number: counters.criticUpdates, watched: this.#guard!.watch() };
  }

  /**
   * Reads the numbers of critic updates; the row describes the last one. Throws ToolError 'failed' for an update that
   * changed nothing (`ChangeGuard`).
   */
  async read(recorded: readonly (CriticStep | undefined)[]): Promise<MetricRow> {
    const updates = recorded.filter((one) => one !== undefined);
    const checksums = updates.map(({ watched }) => watched.checksum);
    const [results, sums] = await Promise.all([
      readCriticUpdates(updates.map(({ update }) => update)),
      readAll(checksums).finally(() => {
        for (const checksum of checksums) checksum.dispose();
      }),
    ]);
    this.#observed = results;
    // A critic that sees nothing but equal lengths has nothing to learn from.
    const mayVanish = this.#control === 'length_only';
    updates.forEach(({ number, watched }, i) => {
      this.#guard?.check(number, results[i]!, watched, sums[i]![0]!, mayVanish);
    });
    const last = updates.at(-1);
    const nonFinite = results.reduce((total, result) => total + result.nonFinite, 0);
    const counts: MetricRow = {
      ...this.#nextRow,
      'health/nonfinite': nonFinite,
      'disc/updates': this.#counters.criticUpdates,
      'disc/skipped': recorded.length - updates.length,
      ...(this.#control === 'none' ? {} : { 'disc/control': CRITIC_CONTROLS.indexOf(this.#control) }),
    };
    this.#nextRow = {};
    if (last === undefined) return counts;
    return {
      ...counts,
      ...criticMetrics(results.at(-1)!, this.#options.critic.labelSmoothing, this.#options.critic.loss),
      'disc/on_policy': last.drawn.onPolicy,
      'disc/replayed': last.drawn.replayed,
      'disc/corrupted': last.drawn.corrupted,
      'disc/stored': last.drawn.stored,
      'disc/expert_errors': last.drawn.expertErrors,
    };
  }

  dispose(): void {
    this.optimizer?.dispose();
  }

  #controlled(drawn: DrawnExamples, update: number): CriticExamples {
    const { positives, negatives } = drawn;
    if (this.#control === 'shuffled_labels') {
      return shuffleLabels(drawn, new Draws(this.#options.seed, STREAMS.criticControl, update));
    }
    return { positives: this.seen(positives), negatives: this.seen(negatives) };
  }

  /** Demonstrated prompts of a round; of a run whose rounds have none, those that its warm-up takes for a round. */
  get #promptsPerRound(): number {
    return demonstratedPerRound(this.#task, this.#options) || this.#options.promptsPerRound;
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
