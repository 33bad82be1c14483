import type { DecoderModel } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import { meanReward } from '../credit/reward.ts';
import { STREAMS } from '../data/streams.ts';
import { type OpsdWeightOptions, type OpsdWeights, opsdWeights } from '../loss/opsd-weights.ts';
import { Alarms } from '../metrics/alarms.ts';
import type { TraceRecord } from '../record.ts';
import { recordLogProbs } from '../rollout/record-log-probs.ts';
import { rollout } from '../rollout/rollout.ts';
import type { Task } from '../task/task.ts';
import { teacherPromptIds } from '../task/teacher-prompt.ts';
import { type DevOptions, devAccuracy, isDevStep } from './dev-accuracy.ts';
import { DeviceMeter } from './device-metrics.ts';
import { Health } from './health.ts';
import { createOptimizer, learningRate, type OptimOptions } from './optim-options.ts';
import { PhaseClock } from './phase-clock.ts';
import { plannedStage } from './planned-stage.ts';
import { createReference, type ReferencePolicy } from './reference-policy.ts';
import { goBackIfStuck } from './roll-back.ts';
import { completionTokens, sampleMetrics, sampleRow } from './round-log.ts';
import { roundPrompts } from './round-prompts.ts';
import type { RunContext, TrainingResult } from './run-context.ts';
import { isBestYet, stepEnd } from './step-end.ts';
import { readSteps, supervisedStep } from './supervised-step.ts';
import type { TrainingState } from './training-state.ts';

export interface OpsdOptions {
  readonly seed: number;
  /** Peak learning rate. */
  readonly lr: number;
  readonly optim: OptimOptions;
  /** How a sampled token's weight comes of the base's log-probabilities. */
  readonly weights: OpsdWeightOptions;
  /** Samples of each prompt in a round. */
  readonly groupSize: number;
  /** Samples are drawn at it; weights and loss are of the models' own distributions, so of temperature 1. */
  readonly temperature: number;
  /** Rounds, each with one optimiser step. */
  readonly maxSteps: number;
  /** Demonstrated prompts of each round. */
  readonly promptsPerRound: number;
  readonly microBatchTokens: number;
  readonly dev?: DevOptions;
  /** Prompts of each round whose samples are logged. */
  readonly loggedPrompts: number;
}

/**
 * On-policy self-distillation on tokens (OPSD; r-airl.md, section 5). The student samples; the teacher is the policy
 * as it was at the start, which reads the expert's trace in the user's turn. A sampled token weighs by how much
 * likelier the teacher finds it with the expert than without (`opsdWeights`), and the step minimises
 * L = -mean_t w_t log pi(y_t) over the policy's own tokens, with the weights as constants. No answer is looked at.
 *
 * @throws ToolError `config` where there is no demonstration, or the task's prompts cannot show one
 */
export async function trainOpsd(
  policy: DecoderModel,
  task: Task,
  options: OpsdOptions,
  context: RunContext,
): Promise<TrainingResult> {
  const { seed, maxSteps, groupSize, temperature, microBatchTokens, dev } = options;
  const { checkpoints, reporter } = context;
  const clock = new PhaseClock(context);
  const shownPrompts = teacherPrompts(task);
  const teacher = await createReference(policy);
  const optimizer = createOptimizer(policy.trainableParameters(), options.optim);
  const rate = learningRate(options.lr, maxSteps, options.optim);
  const counters = { step: 0, tokens: 0, bestAccuracy: -1, bestStep: 0 };
  const health = new Health(reporter, context.onSpike);
  const state: TrainingState = { method: 'opsd', policy, optimizer, counters, parts: { health } };
  try {
    await checkpoints?.restore(state);
    const meter = new DeviceMeter(policy.device);
    const alarms = new Alarms(reporter);
    reporter.plan?.([plannedStage('opsd', counters.step, maxSteps, dev, checkpoints)]);
    if (counters.step === 0 && isDevStep(0, maxSteps, dev)) {
      context.metrics({ step: 0, ...(await devAccuracy(policy, task, dev, { seed, step: 0 }, clock)), ...clock.row() });
    }
    let savedStep = counters.step;
    while (counters.step < maxSteps) {
      const round = counters.step + 1;
      const dataRound = round + health.shift;
      clock.begin('rollout');
      meter.restart();

      const records = await rollout(
        policy,
        task,
        // A prompt without an expert has no teacher.
        roundPrompts(task, dataRound, { ...options, unlabelledFraction: 0 }),
        {
          samplesPerPrompt: groupSize,
          temperature,
          seed,
          stream: STREAMS.rollout,
          round: dataRound,
          marks: { granularity: 'sparse' },
          onProgress: clock.onProgress,
        },
        () => context.shouldAbandonRound?.() === true,
      );
      if (records === undefined) {
        if (savedStep < counters.step) await checkpoints?.save(state, { isBest: false });
        return { status: 'stopped', step: counters.step };
      }
      clock.count('rollout', completionTokens(records));

      clock.begin('reward');
      const { weights, row: weightRow } = await weigh(teacher, records, shownPrompts, options);
      clock.count('reward', completionTokens(records));

      clock.begin('update');
      const lr = rate(counters.step);
      health.limit({ policy: optimizer });
      const step = supervisedStep(policy, optimizer, records, {
        lr,
        microBatchTokens,
        weights: weights.perToken,
        onRecorded: context.onRecorded,
      });
      const [result] = await readSteps([step]);

      counters.step = round;
      counters.tokens += step.tokens;
      health.observe(round, { policy: [result!] });
      clock.end();
      clock.count('update', step.tokens);
      const row = {
        step: round,
        loss: result!.loss,
        lr,
        grad_norm: result!.gradientNorm,
        num_tokens: counters.tokens,
        ...sampleMetrics(records),
        ...weightRow,
        'perf/tokens_per_second': step.tokens / clock.seconds(),
        'health/nonfinite': result!.nonFinite,
        ...health.row(),
        ...meter.row(),
        ...(isDevStep(round, maxSteps, dev) ? await devAccuracy(policy, task, dev, { seed, step: round }, clock) : {}),
        ...clock.row(),
      };
      context.metrics(row);
      alarms.check(row);
      for (const record of records.slice(0, options.loggedPrompts * groupSize)) {
        context.samples(sampleRow(task, round, record, meanReward(record.advantage!)));
      }
      reporter.step('opsd', round, maxSteps, row);
      if (await goBackIfStuck(() => state, health, context)) {
        savedStep = counters.step;
        continue;
      }

      const end = stepEnd(context, { step: round, maxSteps, isBest: isBestYet(counters, round, row) });
      if (end.saves) {
        await clock.during('save', async () => checkpoints?.save(state, end));
        savedStep = round;
      }
      if (end.stops) return { status: 'stopped', step: round };
    }
    return { status: 'finished', step: counters.step };
  } finally {
    teacher.dispose();
    optimizer.dispose();
  }
}

/** The prompt that shows the expert, by prompt id. */
function teacherPrompts(task: Task): ReadonlyMap<string, Uint32Array> {
  if (task.demonstrations.length === 0) {
    throw new ToolError('config', {
      op: task.name,
      expected: 'rows with a target, which the teacher is shown',
      got: 'none',
      hint: 'take data with expert traces (a _kd format, or rows with a "target").',
    });
  }
  return new Map(task.demonstrations.map((one) => [one.id, teacherPromptIds(task, one)]));
}

/** Gives each record the weights of its tokens as `advantage`: what the loss multiplies log pi by. */
async function weigh(
  { model, adapters }: ReferencePolicy,
  records: readonly TraceRecord[],
  shownPrompts: ReadonlyMap<string, Uint32Array>,
  { weights: options, microBatchTokens }: OpsdOptions,
) {
  const taught = records.map(({ completionIds, forced, promptId }) => {
    return { completionIds, forced, promptIds: shownPrompts.get(promptId)! };
  });
  const shown = await recordLogProbs(model, taught, microBatchTokens, { adapters });
  const plain = await recordLogProbs(model, records, microBatchTokens, { adapters });
  const weights: OpsdWeights = opsdWeights(records, shown, plain, options);
  records.forEach((record, i) => {
    record.advantage = weights.perToken[i]!;
  });
  const meanLogp = (logps: readonly Float32Array[]): number => {
    const own = logps.flatMap((values, i) => Array.from(values).filter((_, t) => !records[i]!.forced[t]));
    return meanReward(own);
  };
  return {
    weights,
    row: {
      'opsd/teacher_logp': meanLogp(shown),
      'opsd/base_logp': meanLogp(plain),
      'opsd/weight_mean': weights.mean,
      'opsd/weight_std': weights.std,
      'opsd/weight_clipped': weights.clipped,
    },
  };
}
