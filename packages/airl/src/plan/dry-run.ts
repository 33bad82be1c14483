import type { DecoderModel } from '@dawngrad/models';
import { type Device, scopeAsync } from '@dawngrad/tensor';
import { RewardStatistics } from '../credit/reward-statistics.ts';
import { criticUpdate, readCriticUpdates } from '../critic/critic-update.ts';
import { microBatches } from '../loss/micro-batches.ts';
import { packTraces, predictingRows, traceLength } from '../loss/token-rows.ts';
import type { TraceRecord } from '../record.ts';
import { recordLogProbs } from '../rollout/record-log-probs.ts';
import { expertRecord, policyRecord } from '../task/create-record.ts';
import type { Task } from '../task/task.ts';
import type { GrpoOptions } from '../train/grpo.ts';
import type { IrlOptions } from '../train/irl/irl-options.ts';
import type { OpsdOptions } from '../train/opsd.ts';
import { policyUpdate } from '../train/policy-update.ts';
import type { SftOptions } from '../train/sft.ts';
import { readSteps, supervisedStep } from '../train/supervised-step.ts';
import { beginRollout, type DryRolloutOptions, type RolloutCost, rolloutCost } from './dry-rollout.ts';
import { type HeldModels, holdModels } from './held-models.ts';
import { longestTask, teacherPromptTokens } from './longest-task.ts';
import { MemoryParts } from './memory-parts.ts';
import { type PhaseMeasure, PhaseMeter, type PhaseWork } from './phase-meter.ts';
import type { PlannedRun } from './planned-run.ts';

/** An update of more micro-batches than `FEW` is measured by `SOME` of them: they are all alike. */
const FEW = 4;
const SOME = 2;

export interface DryRunOptions {
  /** Decode one sequence at a time: what a run needs at the least. */
  readonly leastRollouts?: boolean;
  /** Only what trains or scores: rollouts suit themselves to the memory that is left. */
  readonly updatesOnly?: boolean;
}

/**
 * A run on a device that only counts. It makes the models, optimisers and batches that the run would and calls what
 * the trainers call, so that the numbers are those of the engine itself; texts are the longest that the limits allow.
 */
export class DryRun {
  readonly #device: Device;
  readonly #run: PlannedRun;
  readonly #options: DryRunOptions;
  readonly #parts: MemoryParts;
  readonly #meter: PhaseMeter;
  readonly #task: Task;
  #checkpointBytes = { models: 0, moments: 0 };
  /** Of a sample, the same in all rollouts. */
  #cost: RolloutCost | undefined;

  constructor(device: Device, run: PlannedRun, options: DryRunOptions = {}) {
    device.pool.tracksPeak = true;
    this.#device = device;
    this.#run = run;
    this.#options = options;
    this.#parts = new MemoryParts(device.pool);
    this.#meter = new PhaseMeter(device, this.#parts);
    this.#task = longestTask({ vocabSize: run.policy.config.vocabSize, limits: run.limits, demonstrations: 1, dev: 0 });
  }

  get phases(): readonly PhaseMeasure[] {
    return this.#meter.phases;
  }

  /** Goes through all phases; those that the budget refuses say so, and the models are needed by all. */
  async measure(): Promise<void> {
    let held: HeldModels | undefined;
    await this.#meter.measure({ name: 'load', tokens: 0, times: 1 }, async () => {
      held = await holdModels(this.#device, this.#run, this.#parts);
      return 1;
    });
    if (held === undefined) return;
    this.#checkpointBytes = { models: held.trainedBytes, moments: held.momentBytes };
    const { work } = this.#run;
    switch (work.kind) {
      case 'sft':
        await this.#evaluations(held, work.options);
        await this.#supervised(held, work.options);
        break;
      case 'grpo':
        await this.#evaluations(held, work.options);
        await this.#round(held, work.options);
        break;
      case 'opsd':
        await this.#evaluations(held, work.options);
        await this.#distillation(held, work.options);
        break;
      case 'irl':
        await this.#evaluations(held, work.options);
        await this.#warmup(held, work.options, work.demonstrations);
        await this.#round(held, work.options, work.options);
        break;
      case 'evaluate': {
        const { prompts, promptsAtOnce, samplesPerPrompt, temperature, microBatchTokens, reward } = work.options;
        const times = prompts === undefined ? undefined : prompts / promptsAtOnce;
        await this.#rollout(held.policy, { name: 'samples', times }, promptsAtOnce, samplesPerPrompt, temperature);
        await this.#scoring(held, promptsAtOnce * samplesPerPrompt, times, { microBatchTokens, reward });
      }
    }
  }

  /** Bytes of the numbers that a checkpoint holds: what is trained and the moments of its optimisers. */
  get checkpointBytes(): { readonly models: number; readonly moments: number } {
    return this.#checkpointBytes;
  }

  async #supervised(
    { policy, optimizer }: HeldModels,
    { rowsPerStep, microBatchTokens, maxSteps }: Pick<SftOptions, 'rowsPerStep' | 'microBatchTokens' | 'maxSteps'>,
  ) {
    const traces = this.#records(rowsPerStep);
    const name = 'update';
    await this.#meter.measure({ name, tokens: tokensOf(traces), times: maxSteps }, async () => {
      const { kept, scale } = someBatches(traces, microBatchTokens);
      await readSteps([supervisedStep(policy, optimizer!, kept, { lr: 0, microBatchTokens })]);
      return scale;
    });
  }

  /** Rounds of `trainOpsd`. */
  async #distillation(held: HeldModels, options: OpsdOptions): Promise<void> {
    const { groupSize, promptsPerRound, maxSteps, microBatchTokens, temperature } = options;
    const samples = promptsPerRound * groupSize;
    await this.#rollout(held.policy, { name: 'samples', times: maxSteps }, promptsPerRound, groupSize, temperature);
    const plain = this.#records(samples);
    const promptIds = new Uint32Array(teacherPromptTokens(this.#run.limits));
    const shown = plain.map((record) => ({ ...record, promptIds }));
    const tokens = tokensOf(plain) + tokensOf(shown);
    await this.#meter.measure({ name: 'scoring', tokens, times: maxSteps }, async () => {
      const { model, adapters } = held.reference!;
      const { kept, scale } = someBatches(shown, microBatchTokens);
      await recordLogProbs(model, kept, microBatchTokens, { adapters });
      // The same samples after their own prompts.
      await recordLogProbs(model, plain.slice(0, kept.length), microBatchTokens, { adapters });
      return scale;
    });
    await this.#supervised(held, { rowsPerStep: samples, microBatchTokens, maxSteps });
  }

  /** Rounds of `trainGrpo` and, with a critic, of `trainIrl`. */
  async #round(held: HeldModels, options: GrpoOptions | IrlOptions, irl?: IrlOptions): Promise<void> {
    const { policy, optimizer, reference } = held;
    const { groupSize, promptsPerRound, maxSteps, microBatchTokens, updatesPerRound } = options;
    await this.#rollout(policy, { name: 'samples', times: maxSteps }, promptsPerRound, groupSize, options.temperature);
    const samples = promptsPerRound * groupSize;
    if (irl !== undefined) {
      const { updatesPerRound: updates, freeze = false, freezeAfterWarmup } = irl.critic;
      const each = freeze || freezeAfterWarmup ? 0 : updates;
      await this.#criticUpdates(held, irl, Math.max(1, each), (freeze ? 0 : irl.warmup.steps) + maxSteps * each);
      await this.#scoring(held, samples, maxSteps, irl);
    }
    const records = this.#records(samples);
    const work = { name: 'policy update', tokens: updatesPerRound * tokensOf(records), times: maxSteps };
    await this.#meter.measure(work, async () => {
      const { kept, waiting, scale } = someBatches(records, microBatchTokens);
      const updates = Math.min(SOME, updatesPerRound);
      await scopeAsync(async () => {
        // The batches of the whole round are on the device from its start.
        for (const part of waiting) {
          const batch = packTraces(this.#device, part);
          for (let vector = 0; vector < (reference === undefined ? 4 : 5); vector++)
            predictingRows(batch, part, (i) => part[i]!.logp!);
        }
        await policyUpdate(policy, reference, optimizer!, kept, { ...options, lr: 0, updates });
      });
      return (scale * updatesPerRound) / updates;
    });
  }

  async #warmup({ policy }: HeldModels, options: IrlOptions, demonstrations: number | undefined): Promise<void> {
    const { warmup, critic, temperature } = options;
    if (warmup.steps === 0 || critic.freeze) return;
    const each = critic.expertsPerUpdate ?? options.promptsPerRound;
    const prompts = Math.min(demonstrations ?? Number.POSITIVE_INFINITY, warmup.steps * each);
    const work = { name: "critic's warm-up samples", times: 1 };
    await this.#rollout(policy, work, prompts, warmup.samplesPerPrompt, temperature);
  }

  async #criticUpdates(
    { policy, critic, criticOptimizer }: HeldModels,
    options: IrlOptions,
    together: number,
    times: number,
  ) {
    if (times === 0) return;
    const { labelSmoothing } = options.critic;
    const { experts, samples } = mostExamples(options);
    const { microBatchTokens } = options;
    const record = this.#records(1, options.reward)[0]!;
    const demonstration = this.#task.demonstrations[0]!;
    const expert = expertRecord(this.#task, demonstration, options.reward);
    const positives = new Array<TraceRecord>(experts).fill(expert);
    const negatives = new Array<TraceRecord>(samples + experts * options.corruptedPerExpert).fill(record);
    const all = [...positives, ...negatives];
    await this.#meter.measure({ name: 'critic update', tokens: tokensOf(all), times }, async () => {
      const { kept, scale } = someBatches(all, microBatchTokens);
      const some = {
        positives: kept.filter((one) => one === expert),
        negatives: kept.filter((one) => one === record),
      };
      // All batches may be of one class.
      const examples = {
        positives: some.positives.length > 0 ? some.positives : kept.slice(0, 1),
        negatives: some.negatives.length > 0 ? some.negatives : kept.slice(-1),
      };
      const counted = examples.positives.length + examples.negatives.length;
      const updates = Math.min(SOME, together);
      await readCriticUpdates(
        Array.from({ length: updates }, () =>
          criticUpdate(critic!, criticOptimizer!, this.#task, examples, {
            lr: 0,
            loss: options.critic.loss ?? 'bce',
            ...options.critic.objective,
            labelSmoothing,
            density: { model: policy, temperature: options.temperature },
            microBatchTokens,
          }),
        ),
      );
      return (scale * kept.length) / counted / updates;
    });
  }

  async #scoring(
    { critic }: HeldModels,
    samples: number,
    times: number | undefined,
    { microBatchTokens, reward }: Pick<IrlOptions, 'microBatchTokens' | 'reward'>,
  ): Promise<void> {
    if (critic === undefined) return;
    const records = this.#records(samples, reward);
    await this.#meter.measure({ name: 'scoring', tokens: tokensOf(records), times }, async () => {
      const { kept, scale } = someBatches(records, microBatchTokens);
      await critic.score(this.#task, kept, microBatchTokens, reward, new RewardStatistics());
      return scale;
    });
  }

  async #evaluations({ policy }: HeldModels, { dev, maxSteps }: Pick<SftOptions, 'dev' | 'maxSteps'>): Promise<void> {
    if (dev === undefined) return;
    // At step 0, at the last step and in between.
    const times = 1 + Math.ceil(maxSteps / dev.everySteps);
    await this.#rollout(policy, { name: 'evaluation', times }, dev.prompts, dev.samplesPerPrompt, dev.temperature);
  }

  async #rollout(
    policy: DecoderModel,
    work: Omit<PhaseWork, 'tokens'>,
    prompts: number,
    samplesPerPrompt: number,
    temperature: number,
  ): Promise<void> {
    if (this.#options.updatesOnly) return;
    const { limits } = this.#run;
    const slots = this.#options.leastRollouts ? 1 : undefined;
    const options: DryRolloutOptions = { limits, temperature, slots };
    const samples = prompts * samplesPerPrompt;
    const tokens = prompts * limits.maxPromptTokens + samples * limits.maxCompletionTokens;
    await this.#meter.measure({ ...work, tokens }, async () => ({
      slots: await beginRollout(policy, prompts, samplesPerPrompt, options),
      flops: async () => {
        this.#cost ??= await rolloutCost(policy, options);
        const { promptFlops, tokenFlops } = this.#cost;
        return prompts * promptFlops + samples * limits.maxCompletionTokens * tokenFlops;
      },
    }));
  }

  /** Records of samples of the longest length, with what the updates read of them. */
  #records(count: number, marks: IrlOptions['reward'] | { granularity: 'sparse' } = { granularity: 'sparse' }) {
    const demonstration = this.#task.demonstrations[0]!;
    const { completionIds } = demonstration;
    const record = policyRecord(this.#task, demonstration, completionIds, marks, { round: 1, index: 0 });
    const zeros = new Float32Array(completionIds.length);
    Object.assign(record, { logp: zeros, advantage: zeros });
    return Array.from({ length: count }, () => ({ ...record }));
  }
}

/** The most experts and policy samples of a critic update. */
function mostExamples({ critic, replay, promptsPerRound, groupSize }: IrlOptions): {
  experts: number;
  samples: number;
} {
  const { expertsPerUpdate: experts, policyPerUpdate: samples } = critic;
  if (experts !== null && samples !== null) return { experts, samples };
  const share = replay.onPolicyFraction;
  const replayed = Math.min(replay.rounds, share === 0 ? replay.rounds : (1 - share) / share);
  const groups = Math.floor(promptsPerRound * (1 + replayed));
  return { experts: groups, samples: groups * groupSize };
}

function tokensOf(records: readonly TraceRecord[]): number {
  return records.reduce((total, record) => total + traceLength(record), 0);
}

/** The micro-batches of an update that tell of all, those that wait, and all the work as a multiple of theirs. */
function someBatches(
  records: readonly TraceRecord[],
  microBatchTokens: number,
): { readonly kept: TraceRecord[]; readonly waiting: TraceRecord[][]; readonly scale: number } {
  const batches = microBatches(records, traceLength, microBatchTokens);
  const count = batches.length > FEW ? SOME : batches.length;
  const kept = batches.slice(0, count).flat();
  return { kept, waiting: batches.slice(count), scale: records.length / kept.length };
}
